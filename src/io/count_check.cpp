#include "src/io/count_check.hpp"

#include <algorithm>
#include <cmath>

#include "dist/agreement.hpp"
#include "dist/error.hpp"

namespace lapatlas {

const char* fault_of_count(float value) {
    if (std::isnan(value)) return "is not a number";
    if (std::isinf(value)) return "is infinite";
    if (value < 0) return "is negative";
    if (value > 16777216.0f) return "is too large for a count (above 2^24)";
    if (value != std::nearbyint(value)) return "is not whole";
    return nullptr;
}

bool all_are_counts(const CountMatrix& counts) {
    return std::all_of(counts.values.begin(), counts.values.end(),
                       [](float value) { return fault_of_count(value) == nullptr; });
}

namespace {

/// Collective. InputError with the first entry in global order that `fault` finds one in.
void check_entries(const Communicator& comm, const CountMatrix& matrix, const AtlasShard& shard,
                   const std::string& source, const std::function<const char*(float)>& fault,
                   const std::function<std::string()>& wanted) {
    // Ranks hold consecutive rows, and the lowest failing rank is the one that is heard: the first in global
    // order.
    agreed(comm, [&] {
        for (std::size_t row = 0; row + 1 < matrix.row_offsets.size(); ++row) {
            for (auto i = static_cast<std::size_t>(matrix.row_offsets[row]);
                 i < static_cast<std::size_t>(matrix.row_offsets[row + 1]); ++i) {
                const char* found = fault(matrix.values[i]);
                if (found == nullptr) continue;
                const auto gene = static_cast<std::size_t>(matrix.gene_indices[i]);
                throw InputError(source + ": cell '" + shard.cell_names[row] + "' (row " +
                                 std::to_string(shard.first_cell + static_cast<std::int64_t>(row)) +
                                 "), gene '" + shard.gene_names[gene] + "': value " +
                                 std::to_string(matrix.values[i]) + " " + found + wanted());
            }
        }
    });
}

}  // namespace

void check_counts(const Communicator& comm, const CountMatrix& counts, const AtlasShard& shard,
                  const std::string& source, const std::function<std::string()>& advice) {
    check_entries(comm, counts, shard, source, fault_of_count,
                  [&] { return "; counts must be whole numbers >= 0" + advice(); });
}

void check_finite(const Communicator& comm, const CountMatrix& values, const AtlasShard& shard,
                  const std::string& source) {
    check_entries(
        comm, values, shard, source,
        [](float value) { return std::isfinite(value) ? nullptr : fault_of_count(value); },
        [] { return std::string("; leave such cells out, or fill in what is missing"); });
}

}  // namespace lapatlas
