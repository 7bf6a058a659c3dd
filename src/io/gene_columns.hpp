#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lapatlas {

class Hdf5File;

/// One column of var: what an atlas says of its genes. It goes along from the input to generated files.
struct GeneColumn {
    enum class Kind { kText, kNumber, kBoolean };
    std::string name;
    Kind kind = Kind::kText;
    std::vector<std::string> texts;  // [genes] if kText, "" where missing
    std::vector<double> numbers;     // [genes] otherwise; NaN where missing, 0 or 1 if kBoolean
};

/// The columns with the chosen genes only, in that order.
std::vector<GeneColumn> columns_of_genes(const std::vector<GeneColumn>& columns,
                                         const std::vector<std::int32_t>& genes);

/// Rank-local. Writes and reads the columns under `group` of a file of ours.
void write_gene_columns(Hdf5File& file, const std::string& group, const std::vector<GeneColumn>& columns);
std::vector<GeneColumn> read_gene_columns(const Hdf5File& file, const std::string& group);

}  // namespace lapatlas
