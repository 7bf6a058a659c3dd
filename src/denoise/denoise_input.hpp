#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/denoise/shared_genes.hpp"
#include "src/io/obs_columns.hpp"

namespace lapatlas {

/// What denoising starts from: this rank's cells of the reference and of the query, over the genes of both.
struct DenoiseInput {
    AtlasShard query;      ///< names and labels; its matrix is in `shared`
    ObsColumns query_obs;  ///< whatever else its file says of its cells
    SharedGenes shared;
    std::vector<std::int32_t> reference_labels;   // [local rows], -1: none
    std::vector<std::string> label_names;         ///< of the reference
    std::vector<std::int32_t> reference_batches;  // [local rows], where batches are to be aligned
    std::int64_t num_batches = 0;                 ///< of the reference; 1 where no batch_key tells them apart
};

/// Collective. Reads config.input (the reference) and config.denoise.query. InputError where either has fewer
/// cells than there are ranks.
DenoiseInput read_denoise_input(const Communicator& comm, const Config& config, Log& log);

}  // namespace lapatlas
