#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/io/covariates.hpp"
#include "src/io/gene_columns.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

/// One rank's share of an atlas as read: a block of rows with what is known of each cell.
struct AtlasShard {
    std::int64_t num_cells = 0;             ///< in the whole atlas
    std::int64_t first_cell = 0;            ///< global index of local row 0; rows are contiguous
    PackedCounts counts;                    // [local rows, num_genes]; no rows with input.values = as_given
    CountMatrix values;                     // then these, [local rows, num_genes]: finite, of any sign
    std::vector<std::string> cell_names;    // [local rows]
    std::vector<std::int32_t> labels;       // [local rows], index into label_names, -1 = unlabelled
    std::vector<std::string> split_values;  // [local rows] or empty: obs[split_key]
    std::vector<std::string> split_groups;  // [local rows] or empty: obs[split_group_key]
    std::vector<std::int32_t> batches;      // [local rows] or empty: index into batch_names, -1 = missing
    std::vector<float> covariates;          // [local rows, covariate_columns], see CovariateColumn

    std::vector<float> proteins;  // [local rows, protein_names], NaN where not measured

    // Equal on every rank.
    std::vector<std::string> gene_names;   // [num_genes], made unique
    std::vector<std::string> gene_ids;     // [num_genes] or empty: Ensembl ids where the file has them
    std::vector<GeneColumn> gene_columns;  ///< the other columns of var
    std::vector<std::string> label_names;  // sorted
    std::vector<std::string> batch_names;  // sorted
    std::vector<CovariateColumn> covariate_columns;
    std::vector<std::string> protein_names;
    std::string matrix_name;  ///< where the counts came from, e.g. "X", "layers/counts", "raw/X"
};

}  // namespace lapatlas
