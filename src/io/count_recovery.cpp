#include "src/io/count_recovery.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

/// Beyond this a whole number nearby says nothing.
constexpr double kLoosestTolerance = 0.3;

/// How exactly a stored value x is known: half a unit of the last decimal kept, or float32's own rounding.
double precision_of_values(const Communicator& comm, const CountMatrix& logged) {
    constexpr double kFloatRounding = 2e-6;
    for (const double unit : {1e-2, 1e-3, 1e-4}) {
        const bool mine = std::all_of(logged.values.begin(), logged.values.end(), [&](float value) {
            const double units = static_cast<double>(value) / unit;
            return std::abs(units - std::nearbyint(units)) < 0.02;
        });
        if (all_reduce_min<std::int32_t>(comm, mine ? 1 : 0) == 1) return 0.5 * unit + kFloatRounding;
    }
    return kFloatRounding;
}

/// One way to read the data: the counts of a row are expm1(x) * scale(row).
struct Reading {
    std::string how;
    const CellTotals* totals = nullptr;  ///< null: one count is the smallest value of the cell
    double target = 0;

    double scale(const CountMatrix& logged, std::size_t row) const {
        if (totals != nullptr) return totals->values[row] / target;
        const auto begin = logged.values.begin() + logged.row_offsets[row];
        const auto end = logged.values.begin() + logged.row_offsets[row + 1];
        return begin == end ? 1.0 : 1.0 / std::expm1(static_cast<double>(*std::min_element(begin, end)));
    }
};

/// Empty if the reading makes every value of this rank whole; else what the first failing cell shows.
std::string first_failure(const CountMatrix& logged, const Reading& reading, double precision,
                          const std::vector<std::string>& cell_names) {
    for (std::size_t row = 0; row + 1 < logged.row_offsets.size(); ++row) {
        const double scale = reading.scale(logged, row);
        // Where one count is itself measured, its own imprecision is that of (1 + scale) per count.
        const double of_unit = reading.totals == nullptr ? (1 + scale) * precision : 0.0;
        for (auto i = logged.row_offsets[row]; i < logged.row_offsets[row + 1]; ++i) {
            const double x = logged.values[static_cast<std::size_t>(i)];
            const double count = std::expm1(x) * scale;
            const double tolerance = 0.01 + (count + scale) * precision + count * of_unit;
            const bool whole = std::abs(count - std::nearbyint(count)) <= tolerance && count > 0.5;
            if (x > 0 && std::isfinite(count) && whole && tolerance <= kLoosestTolerance) continue;
            return "cell '" + cell_names[row] + "': value " + std::to_string(x) + " would be " +
                   std::to_string(count) + " counts" +
                   (tolerance > kLoosestTolerance ? " (too few digits are stored to tell)" : "");
        }
    }
    return {};
}

void apply(CountMatrix& logged, const Reading& reading) {
    for (std::size_t row = 0; row + 1 < logged.row_offsets.size(); ++row) {
        const double scale = reading.scale(logged, row);
        for (auto i = logged.row_offsets[row]; i < logged.row_offsets[row + 1]; ++i) {
            float& value = logged.values[static_cast<std::size_t>(i)];
            value = static_cast<float>(std::nearbyint(std::expm1(static_cast<double>(value)) * scale));
        }
    }
}

}  // namespace

Recovery recover_counts(const Communicator& comm, CountMatrix& logged, std::span<const CellTotals> totals,
                        const std::vector<std::string>& cell_names) {
    std::vector<Reading> readings;
    for (const CellTotals& column : totals)
        for (const double target : {1e4, 1e6})
            readings.push_back({"expm1(x) * obs '" + column.column + "' / " +
                                    std::to_string(static_cast<std::int64_t>(target)),
                                &column, target});
    readings.push_back({"expm1(x) / the cell's smallest", nullptr, 0});

    const double precision = precision_of_values(comm, logged);
    Recovery result;
    for (const Reading& reading : readings) {
        std::string failure = first_failure(logged, reading, precision, cell_names);
        const int failing_rank = all_reduce_min(comm, failure.empty() ? comm.size() : comm.rank());
        if (failing_rank == comm.size()) {
            apply(logged, reading);
            return {true, reading.how, {}};
        }
        broadcast(comm, failure, failing_rank);
        if (result.why_not.empty()) result.why_not = "by " + reading.how + ", " + failure;
    }
    return result;
}

}  // namespace lapatlas
