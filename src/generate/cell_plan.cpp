#include "src/generate/cell_plan.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "src/config/derived.hpp"
#include "src/config/text_list.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/near_names.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

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
    for (const std::string& part : split_text(text, ',')) entries.push_back({part, "generate.counts"});
    return entries;
}

ConditionCount parse_entry(const Entry& entry, char separator, const std::vector<std::string>& label_names) {
    const auto split = entry.text.rfind(separator);
    const std::string name = trimmed(split == std::string::npos ? entry.text : entry.text.substr(0, split));
    const std::string number = split == std::string::npos ? "" : trimmed(entry.text.substr(split + 1));
    ConditionCount count;
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

std::vector<ConditionCount> parse_label_counts(const std::string& text,
                                               const std::vector<std::string>& label_names) {
    if (label_names.empty())
        throw ConfigError(
            "generate.counts = '" + text +
            "': the model was trained without labels; use generate.cells, or train with input.label_key");
    std::error_code ignored;
    const bool is_file = std::filesystem::is_regular_file(text, ignored);
    std::vector<ConditionCount> counts;
    std::int64_t total = 0;
    for (const Entry& entry : is_file ? entries_of_file(text) : entries_of_text(text)) {
        const ConditionCount count = parse_entry(entry, is_file ? '\t' : '=', label_names);
        for (const ConditionCount& other : counts)
            if (other.label == count.label)
                throw ConfigError(entry.place + ": type '" +
                                  label_names[static_cast<std::size_t>(count.label)] + "' is given twice");
        counts.push_back(count);
        total += count.cells;
    }
    if (total == 0) throw ConfigError("generate.counts = '" + text + "': asks for no cell");
    return counts;
}

std::vector<std::int64_t> KnownConditions::cells_of_labels(std::int32_t batch) const {
    const std::int64_t columns = num_columns();
    std::vector<std::int64_t> sums(label_names.size() + 1, 0);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const auto column = static_cast<std::int64_t>(i) % columns;
        if (batch < 0 || column == batch) sums[i / static_cast<std::size_t>(columns)] += cells[i];
    }
    return sums;
}

std::vector<ConditionCount> read_like(const std::string& path, const std::string& label_key,
                                      const std::string& batch_key, const KnownConditions& known) {
    const Hdf5File file = Hdf5File::open(path);
    const H5adFrame obs(file, "obs");
    const auto codes = [&](const std::string& key, const std::vector<std::string>& names, bool may_miss) {
        std::vector<std::int32_t> result(static_cast<std::size_t>(obs.num_rows()), -1);
        if (names.empty()) return result;
        if (!obs.has(key))
            throw InputError(path + " (generate.like): no obs column '" + key + "'" +
                             suggest_names(key, obs.columns()));
        std::map<std::string, std::int32_t> place;
        for (std::size_t i = 0; i < names.size(); ++i) place[names[i]] = static_cast<std::int32_t>(i);
        const std::vector<std::string> texts = obs.texts(key, 0, obs.num_rows());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            if (texts[i].empty() && may_miss) continue;
            const auto found = place.find(texts[i]);
            if (found == place.end())
                throw InputError(path + " (generate.like): obs column '" + key + "', row " +
                                 std::to_string(i) + ": the model knows no '" + texts[i] + "'" +
                                 suggest_names(texts[i], names));
            result[i] = found->second;
        }
        return result;
    };
    const std::vector<std::int32_t> labels = codes(label_key, known.label_names, true);
    const std::vector<std::int32_t> batches = codes(batch_key, known.batch_names, false);
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> tallies;
    for (std::size_t i = 0; i < labels.size(); ++i) ++tallies[{labels[i], batches[i]}];
    std::vector<ConditionCount> counts;
    for (const auto& [names, cells] : tallies) counts.push_back({names.first, cells, names.second});
    if (counts.empty()) throw InputError(path + " (generate.like): holds no cell");
    return counts;
}

CellPlan CellPlan::from_frequencies(const std::vector<std::int64_t>& label_cells, std::int64_t num_cells) {
    CellPlan plan;
    plan.num_cells_ = num_cells;
    plan.random_ = true;
    std::int64_t sum = 0;
    for (std::size_t label = 0; label < label_cells.size(); ++label) {
        if (label_cells[label] == 0) continue;
        plan.labels_.push_back(static_cast<std::int32_t>(label));
        plan.batches_.push_back(-1);
        plan.run_ends_.push_back(sum += label_cells[label]);
    }
    return plan;
}

CellPlan CellPlan::from_counts(const std::vector<ConditionCount>& counts) {
    CellPlan plan;
    for (const ConditionCount& count : counts) {
        plan.labels_.push_back(count.label);
        plan.batches_.push_back(count.batch);
        plan.run_ends_.push_back(plan.num_cells_ += count.cells);
    }
    return plan;
}

CellPlan CellPlan::enlarged(double factor) const {
    const auto more = [factor](std::int64_t cells) {
        return static_cast<std::int64_t>(std::ceil(static_cast<double>(cells) * factor));
    };
    CellPlan plan = *this;
    if (random_ || labels_.empty()) {
        plan.num_cells_ = more(num_cells_);
        return plan;
    }
    plan.num_cells_ = 0;
    for (std::size_t run = 0; run < run_ends_.size(); ++run)
        plan.run_ends_[run] = plan.num_cells_ += more(run_ends_[run] - (run == 0 ? 0 : run_ends_[run - 1]));
    return plan;
}

std::vector<std::int64_t> CellPlan::exact_counts(std::int64_t labels) const {
    if (random_ || labels_.empty()) return {};
    std::vector<std::int64_t> counts(static_cast<std::size_t>(labels) + 1, 0);
    for (std::size_t run = 0; run < run_ends_.size(); ++run)
        counts[labels_[run] < 0 ? static_cast<std::size_t>(labels)
                                : static_cast<std::size_t>(labels_[run])] +=
            run_ends_[run] - (run == 0 ? 0 : run_ends_[run - 1]);
    return counts;
}

void CellPlan::draw_batches(const KnownConditions& known) {
    if (known.batch_names.empty()) return;
    const auto columns = static_cast<std::size_t>(known.num_columns());
    std::vector<std::int64_t> of_all(columns, 0);
    for (std::size_t i = 0; i < known.cells.size(); ++i) of_all[i % columns] += known.cells[i];
    batch_ends_.clear();
    for (std::size_t label = 0; label <= known.label_names.size(); ++label) {
        std::vector<std::int64_t> ends(
            known.cells.begin() + static_cast<std::ptrdiff_t>(label * columns),
            known.cells.begin() + static_cast<std::ptrdiff_t>((label + 1) * columns));
        if (label == known.label_names.size() ||
            std::all_of(ends.begin(), ends.end(), [](auto n) { return n == 0; }))
            ends = of_all;
        for (std::size_t b = 1; b < columns; ++b) ends[b] += ends[b - 1];
        batch_ends_.push_back(std::move(ends));
    }
}

void CellPlan::set_batch(std::int32_t batch) { batch_of_all_ = batch; }

Condition CellPlan::condition(std::uint64_t seed, std::int64_t cell) const {
    const PlacedRandom random(seed, RandomStream::kGenerateLabel);
    const auto drawn_place = [&](const std::vector<std::int64_t>& ends, std::uint32_t step) {
        const double u = random.uniform(static_cast<std::uint64_t>(cell), step);
        return static_cast<std::int64_t>(u * static_cast<double>(ends.back()));
    };
    Condition condition;
    if (!labels_.empty()) {
        const std::int64_t place = random_ ? drawn_place(run_ends_, 0) : cell;
        const auto run = std::upper_bound(run_ends_.begin(), run_ends_.end(), place);
        ensure(run != run_ends_.end(), "a cell of the plan has a label");
        condition.label = labels_[static_cast<std::size_t>(run - run_ends_.begin())];
        condition.batch = batches_[static_cast<std::size_t>(run - run_ends_.begin())];
    }
    if (batch_of_all_ >= 0) condition.batch = batch_of_all_;
    if (condition.batch < 0 && !batch_ends_.empty()) {
        const auto& ends =
            condition.label < 0 ? batch_ends_.back() : batch_ends_[static_cast<std::size_t>(condition.label)];
        const auto batch = std::upper_bound(ends.begin(), ends.end(), drawn_place(ends, 1));
        condition.batch = static_cast<std::int32_t>(batch - ends.begin());
    }
    return condition;
}

namespace {

/// generate.batch as an index; -1 where it is not set.
std::int32_t wanted_batch(const GenerateOptions& options, const std::vector<std::string>& names) {
    if (options.batch.empty()) return -1;
    if (names.empty())
        throw ConfigError("generate.batch = '" + options.batch +
                          "': the model was trained without batches (input.batch_key)");
    const auto found = std::find(names.begin(), names.end(), options.batch);
    if (found == names.end())
        throw ConfigError("generate.batch: the model knows no batch '" + options.batch + "'" +
                          suggest_names(options.batch, names));
    return static_cast<std::int32_t>(found - names.begin());
}

CellPlan plan_of_labels(const GenerateOptions& options, const InputOptions& input,
                        const KnownConditions& known, std::int32_t batch, std::int64_t default_cells) {
    const bool unconditional = is_unconditional(options);
    const char* exact = !options.like.empty() ? "generate.like" : "generate.counts";
    if (!options.like.empty() || !options.counts.empty()) {
        if (unconditional)
            throw ConfigError(std::string("generate.guidance = -1 generates without labels, so ") + exact +
                              " cannot be met; drop one");
        if (!options.like.empty() && !options.counts.empty())
            throw ConfigError("generate.like and generate.counts both say how many cells of what; drop one");
        if (!options.like.empty() && batch >= 0)
            throw ConfigError("generate.like takes the file's batches and generate.batch sets one; drop one");
        const CellPlan plan = CellPlan::from_counts(
            options.like.empty() ? parse_label_counts(options.counts, known.label_names)
                                 : read_like(options.like, input.label_key, input.batch_column(), known));
        if (options.cells != 0 && options.cells != plan.num_cells())
            throw ConfigError("generate.cells = " + std::to_string(options.cells) + " but " + exact +
                              " adds up to " + std::to_string(plan.num_cells()) + "; drop one");
        return plan;
    }
    const std::int64_t cells = options.cells != 0 ? options.cells : default_cells;
    std::vector<std::int64_t> of_labels = known.cells_of_labels(batch);
    of_labels.pop_back();  // the unlabelled
    return CellPlan::from_frequencies(unconditional ? std::vector<std::int64_t>{} : of_labels, cells);
}

}  // namespace

CellPlan make_cell_plan(const GenerateOptions& options, const InputOptions& input,
                        const KnownConditions& known, std::int64_t default_cells) {
    ensure(static_cast<std::int64_t>(known.cells.size()) ==
               (static_cast<std::int64_t>(known.label_names.size()) + 1) * known.num_columns(),
           "one training count a condition");
    if (options.cells < 0)
        throw ConfigError("generate.cells = " + std::to_string(options.cells) + ": must not be negative");
    const std::int32_t batch = wanted_batch(options, known.batch_names);
    CellPlan plan = plan_of_labels(options, input, known, batch, default_cells);
    plan.draw_batches(known);
    if (batch >= 0) plan.set_batch(batch);
    return plan;
}

}  // namespace lapatlas
