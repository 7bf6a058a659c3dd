#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/io/gene_columns.hpp"

namespace lapatlas {

/// Everything a run needs to go on, or to generate, in one closed HDF5 file. Random numbers are functions of
/// seed and step, so the counters are the generator's whole state.
struct Checkpoint {
    std::string config;       ///< the run's TOML
    std::string fingerprint;  ///< of the options that decide training
    std::string weights_id;   ///< of what generation uses; made when it is written
    std::vector<std::string> gene_names, gene_ids, label_names, batch_names;
    std::vector<GeneColumn> gene_columns;          ///< further columns of the input's var
    std::map<std::string, std::int64_t> counters;  // steps done in each phase, ...
    std::map<std::string, double> numbers;         // latent_mean, latent_std
    std::map<std::string, torch::Tensor> tensors;  // weights, moments, averages; float32
    /// Library sizes of training cells by condition: by label, unlabelled last, within a label by batch.
    std::vector<float> libraries;
    std::vector<std::int64_t> library_offsets;  // [(labels + 1) x batches + 1]; without batches one a label

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

/// Rank-local. Written to a temporary name, then renamed: the file before stays until the new one is whole.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint,
                      const std::map<std::string, std::string>& provenance);

struct CheckpointStatus {
    std::string fingerprint;
    std::string weights_id;  ///< of what generation uses: equal weights, equal id
    bool complete = false;   ///< training is at its end
};

/// Rank-local. Both: InputError if the file is missing or not a checkpoint. The status alone reads no
/// weights.
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

}  // namespace lapatlas
