#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. Maps the cells of config.embed.path into the latent space of a trained run: genes matched by
/// name (or Ensembl id), neighbours among the training cells, extended encodings, the posterior mean of the
/// encoder. Writes an .h5ad with the cells' counts over the model's genes, obsm X_lapatlas [cells, d], obsm
/// label_probability [cells, labels] (logistic regression on the latents of training cells), obs
/// predicted_label, label_probability, log_likelihood (nats a cell, under the decoder), and with
/// config.embed.denoised the layer `denoised`: expected counts. InputError where too few genes match, or a
/// cell's batch is not one the model knows.
void embed_run(const Communicator& comm, const Config& config, const RunFolder& run,
               const std::filesystem::path& output, const std::map<std::string, std::string>& provenance,
               Log& log);

}  // namespace lapatlas
