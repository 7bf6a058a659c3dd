#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "partition/index_map.hpp"
#include "src/io/covariates.hpp"
#include "src/io/gene_columns.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

/// The part of a prepared dataset that every rank holds whole.
struct PreparedSummary {
    std::vector<std::string> gene_names;
    std::vector<std::string> gene_ids;     // empty where the file had none
    std::vector<GeneColumn> gene_columns;  ///< the other columns of var that the file had
    std::vector<std::string> label_names;
    std::vector<std::string> batch_names;  ///< empty: cells have no batch
    std::vector<CovariateColumn> covariate_columns;
    std::vector<std::string> protein_names;
    std::int64_t num_cells = 0;  ///< in the atlas that was read
    std::int64_t num_train = 0;
    std::int64_t num_heldout = 0;
    std::int64_t num_encodings = 0;
    std::int64_t num_neighbours = 0;            ///< of a held-out cell
    std::vector<std::int64_t> cluster_offsets;  // [clusters + 1], training rows in cluster order
    std::vector<std::int64_t>
        heldout_offsets;  // [clusters + 1], held-out rows by their nearest neighbour's cluster
    // The graph of clusters: who shares edges, how many; what a cluster weighs (non-zeros and degrees).
    std::vector<std::int64_t> cluster_graph_offsets;  // [clusters + 1]
    std::vector<std::int32_t> cluster_graph_neighbours;
    std::vector<std::int64_t> cluster_graph_edges;
    std::vector<std::int64_t> cluster_weights;  // [clusters]
    std::vector<double> eigenvalues;            // [num_encodings] of L_norm
    std::vector<double> singular_values;        // of the PCA
    std::vector<std::int32_t> gene_ranking;     ///< kept genes, the most variable first (Seurat v3)
    std::vector<std::int32_t> graph_genes;      ///< kept genes that the PCA saw; empty: all of them
    std::vector<double> pca_mean;               // [PCA's genes]
    std::vector<double> pca_loadings;           // [PCA's genes, components]
    std::map<std::string, double> figures;      ///< what `inspect` prints: recall, components, cut, ...
    std::string matrix_name;                    ///< where the counts were found
    std::string fingerprint;                    ///< of everything that decides the contents
};

/// Rows of training cells, in the order given.
struct PreparedRows {
    PackedCounts counts;                         // [rows, kept genes]
    std::vector<std::int64_t> cell_index;        // [rows] row in the atlas that was read
    std::vector<std::int32_t> labels;            // [rows], -1 unlabelled
    std::vector<std::int32_t> batches;           // [rows], 0 where there are no batches
    std::vector<float> covariates;               // [rows, covariate columns]
    std::vector<float> proteins;                 // [rows, protein_names] counts, NaN where not measured
    std::vector<float> encodings;                // [rows, num_encodings]
    std::vector<float> scores;                   // [rows, PCA components]
    std::vector<std::int64_t> graph_offsets{0};  // [rows + 1]
    std::vector<std::int64_t> graph_columns;     // global training rows
};

/// Rows of cells that training never sees. splits: 1 validation, 2 test.
struct HeldoutRows {
    PackedCounts counts;
    std::vector<std::int64_t> cell_index;
    std::vector<std::int32_t> labels;
    std::vector<std::int32_t> batches;
    std::vector<float> covariates;
    std::vector<float> proteins;
    std::vector<std::int8_t> splits;
    std::vector<float> encodings;
    std::vector<std::int64_t> neighbours;  // [rows, num_neighbours] training rows, -1 where there are fewer
    std::vector<std::int64_t> rows;        ///< held-out row numbers
};

/// Collective. Writes one HDF5 file that any number of ranks can load. `train` and `heldout` are this rank's
/// block_of_rank rows. Written to a temporary name, then renamed.
void write_prepared(const Communicator& comm, const std::filesystem::path& path,
                    const PreparedSummary& summary, const PreparedRows& train, const HeldoutRows& heldout,
                    const std::map<std::string, std::string>& provenance);

/// Rank-local. InputError where the file is missing or not a prepared dataset.
PreparedSummary read_prepared_summary(const std::filesystem::path& path);

/// Clusters on ranks, a stretch each (place_clusters). Rank-local, equal on every rank.
IndexMap place_on_ranks(const PreparedSummary& summary, int num_ranks);

/// Where the counts of rows that were asked for are: in memory, or still in the file (see PackedCounts).
enum class CountsPlace { kMemory, kFile };

/// Rank-local. The training rows that `rank` owns, in the order of map.rows_of_rank; the PCA scores, which
/// nothing after `prepare` needs, only if asked for.
PreparedRows read_prepared_rows(const std::filesystem::path& path, const PreparedSummary& summary,
                                const IndexMap& map, int rank, bool with_scores = false,
                                CountsPlace counts = CountsPlace::kMemory);
/// A block of training rows in global order (block_of_rank), with what new cells are attached by.
struct TrainingBlock {
    std::vector<double> scores;                  // [rows, PCA components]
    std::vector<double> encodings;               // [rows, num_encodings]
    std::vector<std::int64_t> graph_offsets{0};  // [rows + 1]
    std::vector<std::int64_t> graph_columns;     // global training rows
};
/// Rank-local. This rank's block of the training rows.
TrainingBlock read_training_block(const Communicator& comm, const std::filesystem::path& path,
                                  const PreparedSummary& summary);

/// Rank-local. The held-out rows whose cluster `rank` owns.
HeldoutRows read_heldout_rows(const std::filesystem::path& path, const PreparedSummary& summary,
                              const IndexMap& map, int rank, CountsPlace counts = CountsPlace::kMemory);

}  // namespace lapatlas
