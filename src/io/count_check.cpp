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

void check_counts(const Communicator& comm, const CountMatrix& counts, const AtlasShard& shard,
                  const std::string& source, const std::function<std::string()>& advice) {
    // Ranks hold consecutive rows, and the lowest failing rank is the one that is heard: the first in global
    // order.
    agreed(comm, [&] {
        for (std::size_t row = 0; row + 1 < counts.row_offsets.size(); ++row) {
            for (auto i = static_cast<std::size_t>(counts.row_offsets[row]);
                 i < static_cast<std::size_t>(counts.row_offsets[row + 1]); ++i) {
                const char* fault = fault_of_count(counts.values[i]);
                if (fault == nullptr) continue;
                const auto gene = static_cast<std::size_t>(counts.gene_indices[i]);
                throw InputError(source + ": cell '" + shard.cell_names[row] + "' (row " +
                                 std::to_string(shard.first_cell + static_cast<std::int64_t>(row)) +
                                 "), gene '" + shard.gene_names[gene] + "': value " +
                                 std::to_string(counts.values[i]) + " " + fault +
                                 "; counts must be whole numbers >= 0" + advice());
            }
        }
    });
}

}  // namespace lapatlas
