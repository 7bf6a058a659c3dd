#include "src/generate/covariate_plan.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dist/error.hpp"
#include "src/config/text_list.hpp"
#include "src/io/near_names.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

double number_of(const std::string& text, const std::string& entry) {
    double number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() ||
        !std::isfinite(number))
        throw ConfigError("generate.set: '" + entry + "': '" + text + "' is no number");
    return number;
}

CovariateSetting setting_of(const std::string& entry, const std::vector<CovariateColumn>& columns) {
    const auto sign = entry.find('=');
    const std::string name = trimmed(entry.substr(0, sign));
    const std::string value = sign == std::string::npos ? "" : trimmed(entry.substr(sign + 1));
    if (name.empty() || value.empty())
        throw ConfigError("generate.set: '" + trimmed(entry) + "' is not column=value or column=from..to");
    std::vector<std::string> names;
    for (const CovariateColumn& column : columns) names.push_back(column.name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw ConfigError("generate.set: the model knows no covariate '" + name + "'" +
                          suggest_names(name, names) +
                          (names.empty() ? "; train with input.covariate_keys" : ""));
    CovariateSetting setting{found - names.begin()};
    const CovariateColumn& column = columns[static_cast<std::size_t>(setting.column)];
    if (!column.is_number()) {
        const auto category = std::find(column.categories.begin(), column.categories.end(), value);
        if (category == column.categories.end())
            throw ConfigError("generate.set: covariate '" + name + "' has no '" + value + "'" +
                              suggest_names(value, column.categories));
        setting.from = setting.to = static_cast<double>(category - column.categories.begin());
        return setting;
    }
    const auto dots = value.find("..");
    setting.from = number_of(trimmed(value.substr(0, dots)), trimmed(entry));
    setting.to =
        dots == std::string::npos ? setting.from : number_of(trimmed(value.substr(dots + 2)), trimmed(entry));
    return setting;
}

}  // namespace

std::vector<CovariateSetting> parse_covariate_settings(const std::string& text,
                                                       const std::vector<CovariateColumn>& columns) {
    std::vector<CovariateSetting> settings;
    if (trimmed(text).empty()) return settings;
    for (const std::string& entry : split_text(text, ',')) {
        const CovariateSetting setting = setting_of(entry, columns);
        for (const CovariateSetting& other : settings)
            if (other.column == setting.column)
                throw ConfigError("generate.set: covariate '" +
                                  columns[static_cast<std::size_t>(setting.column)].name + "' is set twice");
        settings.push_back(setting);
    }
    return settings;
}

CovariatePlan::CovariatePlan(CovariateTable table, std::vector<CovariateSetting> settings,
                             std::int64_t num_cells)
    : table_(std::move(table)), settings_(std::move(settings)), num_cells_(num_cells) {
    const std::int64_t columns = num_columns(), batches = std::max<std::int64_t>(1, table_.batches);
    ensure(std::ssize(table_.offsets) == (table_.labels + 1) * batches + 1, "one group of cells a condition");
    for (std::int64_t group = 0; group + 1 < std::ssize(table_.offsets); ++group) {
        const std::int64_t label = group / batches;
        for (std::int64_t cell = table_.offsets[static_cast<std::size_t>(group)];
             cell < table_.offsets[static_cast<std::size_t>(group) + 1]; ++cell)
            seen_.insert(combination(label == table_.labels ? -1 : static_cast<std::int32_t>(label),
                                     table_.values.data() + cell * columns));
    }
}

std::vector<std::int32_t> CovariatePlan::combination(std::int32_t label, const float* values) const {
    std::vector<std::int32_t> key{label};
    for (std::size_t i = 0; i < table_.columns.size(); ++i)
        if (!table_.columns[i].is_number())
            key.push_back(std::isnan(values[i]) ? -1 : static_cast<std::int32_t>(values[i]));
    return key;
}

std::pair<std::int64_t, std::int64_t> CovariatePlan::cells_of(Condition condition) const {
    const std::int64_t batches = std::max<std::int64_t>(1, table_.batches);
    const auto at = [&](std::int64_t group) { return table_.offsets[static_cast<std::size_t>(group)]; };
    if (condition.label >= 0) {
        const std::int64_t first = condition.label * batches;
        if (table_.batches > 0 && condition.batch >= 0 &&
            at(first + condition.batch) < at(first + condition.batch + 1))
            return {at(first + condition.batch), at(first + condition.batch + 1)};
        if (at(first) < at(first + batches)) return {at(first), at(first + batches)};
    }
    return {0, table_.offsets.back()};
}

void CovariatePlan::append(std::uint64_t seed, std::int64_t cell, Condition condition,
                           std::vector<float>& values) const {
    const PlacedRandom random(seed, RandomStream::kGenerateCovariates);
    const auto [first, last] = cells_of(condition);
    const auto drawn = first + static_cast<std::int64_t>(random.uniform(static_cast<std::uint64_t>(cell)) *
                                                         static_cast<double>(last - first));
    const std::int64_t columns = num_columns();
    const auto begin = table_.values.begin() + drawn * columns;
    const std::size_t start = values.size();
    values.insert(values.end(), begin, begin + columns);
    // Evenly from the first cell to the last.
    const double share = num_cells_ > 1 ? static_cast<double>(cell) / static_cast<double>(num_cells_ - 1) : 0;
    for (const CovariateSetting& setting : settings_)
        values[start + static_cast<std::size_t>(setting.column)] =
            static_cast<float>(setting.from + (setting.to - setting.from) * share);
}

bool CovariatePlan::is_extrapolation(Condition condition, const float* values) const {
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
        const CovariateColumn& column = table_.columns[i];
        if (column.is_number() &&
            (values[i] < static_cast<float>(column.lowest) || values[i] > static_cast<float>(column.highest)))
            return true;
    }
    // Without a label any label's cells will do.
    if (condition.label >= 0) return !seen_.contains(combination(condition.label, values));
    const std::vector<std::int32_t> wanted = combination(-1, values);
    return std::none_of(seen_.begin(), seen_.end(), [&](const std::vector<std::int32_t>& one) {
        return std::equal(one.begin() + 1, one.end(), wanted.begin() + 1);
    });
}

}  // namespace lapatlas
