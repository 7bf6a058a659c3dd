#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"
#include "src/generate/generator.hpp"
#include "src/io/gene_columns.hpp"
#include "src/train/checkpoint.hpp"

namespace lapatlas {

/// A trained model as generation needs it.
struct TrainedModel {
    GenerativeModel model;
    std::vector<std::string> gene_names, gene_ids;
    std::vector<GeneColumn> gene_columns;  ///< further columns of the input's var
    std::vector<std::string> protein_names;
    KnownConditions known;
    CovariateTable covariates;
    std::int64_t num_cells = 0;  ///< in the atlas that was read
    std::string weights_id;      ///< of the checkpoint
    std::string scorer_options;  ///< how the cells were made that its Scorer was trained on
};

/// Rank-local. A checkpoint to use: InputError if there is none or training is not complete; ConfigError if
/// `config` asks for another model than was trained.
Checkpoint read_trained_checkpoint(const std::filesystem::path& path, const Config& config);

/// Rank-local. Weights from a checkpoint, the ScoreNet's by moving average, where the backend computes.
/// Errors as above.
TrainedModel load_trained_model(const std::shared_ptr<const Backend>& backend,
                                const std::filesystem::path& checkpoint, const Config& config);

/// The checkpoint's sample of training cells; empty where it has none.
LatentManifold training_manifold(const Checkpoint& checkpoint);

/// Rank-local. The id of the weights that made an .h5ad of ours; empty for a file of others.
std::string weights_id_of_atlas(const std::filesystem::path& atlas);

/// Rank-local. Whether an atlas is there (a file or an index of shards) that was made with these.
bool is_made_by(const std::filesystem::path& atlas, const std::string& fingerprint,
                const std::string& weights_id);

/// Of everything that decides the atlas, training included.
std::string generate_fingerprint(const Config& config);

/// Collective. The `generate` stage (LapDDPM algorithm 2): cells are made in parts of some blocks, a part a
/// rank, and kept on disk; then they are written into one .h5ad in the order of the global index. Memory does
/// not grow with the number of cells; X is the same, byte for byte, on any number of ranks and however often
/// the call was killed and repeated. With generate.shards blocks go straight into so many files, one after
/// the other, and an index; shards that are there already are kept.
void generate(const std::shared_ptr<const Backend>& backend, const Config& config,
              const std::filesystem::path& checkpoint, const std::filesystem::path& output,
              const std::map<std::string, std::string>& provenance, Log& log);

}  // namespace lapatlas
