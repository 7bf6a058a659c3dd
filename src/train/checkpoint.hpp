#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/io/covariates.hpp"
#include "src/io/gene_columns.hpp"

namespace lapatlas {

class Optimiser;

/// Everything a run needs to go on, or to generate, in one closed HDF5 file. Random numbers are functions of
/// seed and step, so the counters are the generator's whole state.
struct Checkpoint {
    std::string config;       ///< the run's TOML
    std::string fingerprint;  ///< of the options that decide training
    std::string weights_id;   ///< of what generation uses; made when it is written
    std::string
        scorer_options;  ///< how the cells were made that the Scorer was trained on; empty: it has none
    std::vector<std::string> gene_names, gene_ids, label_names, batch_names;
    std::vector<GeneColumn> gene_columns;          ///< further columns of the input's var
    std::map<std::string, std::int64_t> counters;  // steps done in each phase, ...
    std::map<std::string, double> numbers;         // latent_mean, latent_std
    std::map<std::string, torch::Tensor> tensors;  // weights, moments, averages; float32
    /// The edge perturbation's warm start, [training cells, train.perturb_modes].
    std::vector<double> perturbation_eigenvectors;
    /// Library sizes of training cells by condition: by label, unlabelled last, within a label by batch.
    std::vector<float> libraries;
    std::vector<std::int64_t> library_offsets;  // [(labels + 1) x batches + 1]; without batches one a label

    std::vector<CovariateColumn> covariate_columns;
    std::vector<std::string> protein_names;
    std::vector<float> covariates;  // [training cells, columns], in the order of libraries

    /// Latents of a sample of training cells, once the encoder is trained, and their labels (-1 unlabelled).
    torch::Tensor reference_latents;  // [n, d], or undefined
    std::vector<std::int32_t> reference_labels;

    /// Training cells of each condition [(labels + 1) x batches].
    std::vector<std::int64_t> cells_of_conditions() const {
        std::vector<std::int64_t> cells;
        for (std::size_t c = 1; c < library_offsets.size(); ++c)
            cells.push_back(library_offsets[c] - library_offsets[c - 1]);
        return cells;
    }
};

/// Rank-local. Written to a temporary name with a checksum of all its bytes, then renamed: the file before
/// stays until the new one is whole, and is then kept as previous-1.h5 beside it, `keep` of them in all.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                      const std::map<std::string, std::string>& provenance, std::int64_t keep = 1);
/// Where the checkpoint `age` before the one at `last` is kept; age from 1.
std::filesystem::path previous_checkpoint(const std::filesystem::path& last, std::int64_t age);

struct CheckpointStatus {
    std::string fingerprint;
    std::string weights_id;      ///< of what generation uses: equal weights, equal id
    bool complete = false;       ///< training is at its end
    std::string scorer_options;  ///< empty: no Scorer
};

struct FoundCheckpoint {
    std::filesystem::path path;
    CheckpointStatus status;
    std::vector<std::string> skipped;  ///< why those that are newer were not taken
};

/// Rank-local. The newest readable one of `last` and those before it; none where there is no file. InputError
/// if none of those that are there can be read.
std::optional<FoundCheckpoint> newest_checkpoint(const std::filesystem::path& last);

/// Rank-local. Both: InputError if the file is missing, not a checkpoint, or damaged. The status alone keeps
/// no weights.
CheckpointStatus read_checkpoint_status(const std::filesystem::path& path);
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// Adds every parameter of `module` as "prefix/name"; restore_module puts them back, InputError where one is
/// missing or of another shape.
void store_module(Checkpoint& checkpoint, const std::string& prefix, const torch::nn::Module& module);
void restore_module(const Checkpoint& checkpoint, const std::string& prefix, torch::nn::Module& module);
/// A list of tensors as "prefix/0", "prefix/1", ...
void store_tensors(Checkpoint& checkpoint, const std::string& prefix,
                   const std::vector<torch::Tensor>& tensors);
void restore_tensors(const Checkpoint& checkpoint, const std::string& prefix,
                     std::vector<torch::Tensor>& tensors);

/// An optimiser's moments as "name/first/0", ..., its steps as the counter "name_steps".
void store_optimiser(Checkpoint& checkpoint, const std::string& name, Optimiser& optimiser);
void restore_optimiser(const Checkpoint& checkpoint, const std::string& name, Optimiser& optimiser);

}  // namespace lapatlas
