#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "partition/graph_shard.hpp"
#include "partition/index_map.hpp"
#include "src/config/options.hpp"
#include "src/io/prepared_file.hpp"

namespace lapatlas {

/// One rank's share of a prepared dataset, in memory, with its part of the graph: the training rows it owns
/// in the order of map.rows_of_rank, then the held-out rows of its clusters (global row num_train + held-out
/// row).
struct RankData {
    PreparedSummary summary;
    IndexMap map;
    PackedCounts counts;  // [train + held-out rows, genes] raw; in the file by train.counts_on_disk
    /// What the encoder sees of them (see LogCounts): scaled to this total a cell, 0: as they are; of these
    /// genes.
    double input_target_sum = 0;
    std::vector<std::int32_t> encoder_genes;
    double target_sum = 0;                       ///< prepare.target_sum
    bool centre_input = false;                   ///< whether each gene's mean is taken from that
    std::vector<float> library;                  // [rows] counts of a cell over kept genes
    std::vector<std::int32_t> labels;            // [rows], -1 unlabelled
    std::vector<std::int32_t> batches;           // [rows], 0 where there are no batches
    std::vector<float> covariates;               // [rows, covariate columns]
    std::vector<float> proteins;                 // [rows, proteins] counts, NaN where not measured
    std::vector<std::int8_t> splits;             // [held-out rows]
    std::vector<std::int32_t> heldout_clusters;  // [held-out rows], that of the nearest training cell
    torch::Tensor encodings;                     // [rows, num_encodings]
    std::int64_t num_train_rows = 0;             ///< of this rank
    GraphShard train_graph;
    /// Training rows as in train_graph, then held-out rows with edges to their neighbours: encoding them
    /// changes no training row.
    GraphShard full_graph;

    std::int64_t num_rows() const { return counts.num_rows(); }
};

/// Genes that the encoder sees of `num_genes`.
std::int64_t num_encoder_genes(const ModelOptions& options, std::int64_t num_genes);

/// This rank's training rows (of the data) among at most `most` of all ranks', spread evenly over global
/// rows.
std::vector<std::int64_t> even_training_rows(const RankData& data, std::int64_t most);

/// Global rows of this rank's training rows.
std::span<const std::int64_t> owned_training_ids(const RankData& data);
/// This rank's validation rows (of the data).
std::vector<std::int64_t> validation_rows(const RankData& data);

/// The training rows of `rank`, whose data these are, in the clusters that are 1 of [num_clusters];
/// ascending.
std::vector<std::int32_t> training_rows_of(const RankData& data, int rank,
                                           std::span<const std::uint8_t> cluster_is_active);

/// Where counts are left in the file: begins to read those of `rows` (ascending) and returns at once; gives
/// up the memory that they take. Else nothing.
void prefetch_counts(const RankData& data, std::span<const std::int32_t> rows);
void release_counts(const RankData& data, std::span<const std::int32_t> rows);

/// Collective. Loads this rank's part and builds its graph. The encoder sees log1p of counts, scaled to
/// prepare.target_sum a cell with a size factor (with absolute rates, depth belongs to the latent), of the
/// model.encoder_genes most variable genes. With `others` those rows (copied) stand in the place of the
/// file's held-out rows; their `rows` must be unique over the ranks.
RankData load_rank_data(const Communicator& comm, const std::filesystem::path& path, const Config& config,
                        const HeldoutRows* others = nullptr);

}  // namespace lapatlas
