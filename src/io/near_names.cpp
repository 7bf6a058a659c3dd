#include "src/io/near_names.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace lapatlas {

namespace {

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

std::string quoted_list(const std::vector<std::string>& names, const char* separator) {
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "'" : std::string(separator) + "'") + name + "'";
    return text;
}

}  // namespace

std::string suggest_names(const std::string& wanted, const std::vector<std::string>& existing) {
    if (existing.empty()) return "; there are none";
    const std::string target = lower(wanted);
    std::vector<std::pair<std::size_t, std::string>> near;
    for (const std::string& name : existing) {
        const std::string candidate = lower(name);
        std::size_t distance = edit_distance(target, candidate);
        if (!target.empty() && candidate.find(target) != std::string::npos)
            distance = std::min<std::size_t>(distance, 1);
        if (distance <= std::max<std::size_t>(2, target.size() / 3)) near.emplace_back(distance, name);
    }
    std::stable_sort(near.begin(), near.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> shown;
    if (!near.empty()) {
        for (std::size_t i = 0; i < std::min<std::size_t>(3, near.size()); ++i)
            shown.push_back(near[i].second);
        return "; did you mean " + quoted_list(shown, " or ") + "?";
    }
    constexpr std::size_t kShown = 12;
    shown.assign(existing.begin(),
                 existing.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, existing.size())));
    return "; there are: " + quoted_list(shown, ", ") + (existing.size() > kShown ? ", ..." : "");
}

}  // namespace lapatlas
