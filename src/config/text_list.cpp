#include "src/config/text_list.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "dist/error.hpp"

namespace lapatlas {

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string> split_text(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t first = 0; first <= text.size();) {
        const std::size_t end = std::min(text.find(separator, first), text.size());
        parts.push_back(trimmed(text.substr(first, end - first)));
        first = end + 1;
    }
    return parts;
}

std::vector<double> numbers_of_list(const std::string& list, const std::string& option, double least) {
    std::vector<double> numbers;
    for (const std::string& word : split_text(list, ',')) {
        double number = 0;
        const char* end = word.data() + word.size();
        const auto [stop, error] = std::from_chars(word.data(), end, number);
        if (error != std::errc() || stop != end || !(number >= least))
            throw ConfigError(option + ": '" + word + "' is no number from " + number_text(least) + " on");
        numbers.push_back(number);
    }
    return numbers;
}

std::string number_text(double value) {
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace lapatlas
