#include "src/generate/label_plan.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "dist/error.hpp"
#include "src/io/near_names.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// One entry and where it stands, for messages.
struct Entry {
    std::string text;
    std::string place;
};

std::vector<Entry> entries_of_file(const std::string& path) {
    std::ifstream file(path);
    std::vector<Entry> entries;
    std::string line;
    for (int number = 1; std::getline(file, line); ++number)
        if (!trimmed(line).empty()) entries.push_back({line, path + ", line " + std::to_string(number)});
    if (!file.eof()) throw InputError(path + ": cannot be read (generate.counts names it)");
    return entries;
}

std::vector<Entry> entries_of_text(const std::string& text) {
    std::vector<Entry> entries;
    for (std::size_t first = 0; first <= text.size();) {
        const std::size_t end = std::min(text.find(',', first), text.size());
        entries.push_back({text.substr(first, end - first), "generate.counts"});
        first = end + 1;
    }
    return entries;
}

LabelCount parse_entry(const Entry& entry, char separator, const std::vector<std::string>& label_names) {
    const auto split = entry.text.rfind(separator);
    const std::string name = trimmed(split == std::string::npos ? entry.text : entry.text.substr(0, split));
    const std::string number = split == std::string::npos ? "" : trimmed(entry.text.substr(split + 1));
    LabelCount count;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), count.cells);
    if (name.empty() || number.empty() || parsed.ec != std::errc{} ||
        parsed.ptr != number.data() + number.size() || count.cells < 0)
        throw ConfigError(entry.place + ": '" + trimmed(entry.text) + "' is not " +
                          (separator == '=' ? "type=n, and no file has that name" : "type<TAB>n") +
                          "; n is a whole number of cells");
    const auto found = std::find(label_names.begin(), label_names.end(), name);
    if (found == label_names.end())
        throw ConfigError(entry.place + ": the model knows no type '" + name + "'" +
                          suggest_names(name, label_names));
    count.label = static_cast<std::int32_t>(found - label_names.begin());
    return count;
}

}  // namespace

std::vector<LabelCount> parse_label_counts(const std::string& text,
                                           const std::vector<std::string>& label_names) {
    if (label_names.empty())
        throw ConfigError(
            "generate.counts = '" + text +
            "': the model was trained without labels; use generate.cells, or train with input.label_key");
    std::error_code ignored;
    const bool is_file = std::filesystem::is_regular_file(text, ignored);
    std::vector<LabelCount> counts;
    std::int64_t total = 0;
    for (const Entry& entry : is_file ? entries_of_file(text) : entries_of_text(text)) {
        const LabelCount count = parse_entry(entry, is_file ? '\t' : '=', label_names);
        for (const LabelCount& other : counts)
            if (other.label == count.label)
                throw ConfigError(entry.place + ": type '" +
                                  label_names[static_cast<std::size_t>(count.label)] + "' is given twice");
        counts.push_back(count);
        total += count.cells;
    }
    if (total == 0) throw ConfigError("generate.counts = '" + text + "': asks for no cell");
    return counts;
}

LabelPlan LabelPlan::from_frequencies(const std::vector<std::int64_t>& training_counts,
                                      std::int64_t num_cells) {
    LabelPlan plan;
    plan.num_cells_ = num_cells;
    plan.random_ = true;
    std::int64_t sum = 0;
    for (std::size_t label = 0; label < training_counts.size(); ++label) {
        if (training_counts[label] == 0) continue;
        plan.labels_.push_back(static_cast<std::int32_t>(label));
        plan.run_ends_.push_back(sum += training_counts[label]);
    }
    return plan;
}

LabelPlan LabelPlan::from_counts(const std::vector<LabelCount>& counts) {
    LabelPlan plan;
    for (const LabelCount& count : counts) {
        plan.labels_.push_back(count.label);
        plan.run_ends_.push_back(plan.num_cells_ += count.cells);
    }
    return plan;
}

std::int32_t LabelPlan::label(std::uint64_t seed, std::int64_t cell) const {
    if (labels_.empty()) return -1;
    std::int64_t place = cell;
    if (random_) {
        const double u =
            PlacedRandom(seed, RandomStream::kGenerateLabel).uniform(static_cast<std::uint64_t>(cell));
        place = static_cast<std::int64_t>(u * static_cast<double>(run_ends_.back()));
    }
    const auto run = std::upper_bound(run_ends_.begin(), run_ends_.end(), place);
    ensure(run != run_ends_.end(), "a cell of the plan has a label");
    return labels_[static_cast<std::size_t>(run - run_ends_.begin())];
}

LabelPlan make_label_plan(const GenerateOptions& options, const std::vector<std::string>& label_names,
                          const std::vector<std::int64_t>& training_counts, std::int64_t default_cells) {
    ensure(label_names.size() == training_counts.size(), "one training count a label");
    if (options.cells < 0)
        throw ConfigError("generate.cells = " + std::to_string(options.cells) + ": must not be negative");
    const bool unconditional = options.guidance == -1;
    if (!options.counts.empty()) {
        if (unconditional)
            throw ConfigError(
                "generate.guidance = -1 generates without labels, so generate.counts cannot be met; drop "
                "one");
        const LabelPlan plan = LabelPlan::from_counts(parse_label_counts(options.counts, label_names));
        if (options.cells != 0 && options.cells != plan.num_cells())
            throw ConfigError("generate.cells = " + std::to_string(options.cells) +
                              " but generate.counts adds up to " + std::to_string(plan.num_cells()) +
                              "; drop one");
        return plan;
    }
    const std::int64_t cells = options.cells != 0 ? options.cells : default_cells;
    return LabelPlan::from_frequencies(unconditional ? std::vector<std::int64_t>{} : training_counts, cells);
}

}  // namespace lapatlas
