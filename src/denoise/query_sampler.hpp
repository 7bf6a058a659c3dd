#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/denoise_options.hpp"
#include "src/denoise/latent_prior.hpp"
#include "src/denoise/sample_store.hpp"
#include "src/denoise/split_gibbs.hpp"

namespace lapatlas {

/// Latents of this rank's cells of a query, as they are projected.
struct ProjectedQuery {
    std::span<const double> latents;  // [cells, width]
    std::int64_t width = 0;
    std::int64_t first_cell = 0, num_cells_in_all = 0;
};

/// The likelihood step of local cells [begin, end), whose projected latents, each in as many rows as there
/// are repeats, are `projected`.
using LikelihoodOfCells =
    std::function<LikelihoodStep(std::int64_t begin, std::int64_t end, const torch::Tensor& projected)>;

/// Collective. Samples options.repeats latents of every cell [cells, repeats, width], block by block; the
/// same for a cell in whatever block and on whatever rank it is. What is sampled goes to `store` every
/// `keep_minutes` and before a stop, and what it holds already is taken from there.
std::vector<float> sample_query(const std::shared_ptr<const Backend>& backend, LatentPrior& prior,
                                const LikelihoodOfCells& likelihood, const DenoiseOptions& options,
                                const ProjectedQuery& query, const SampleStore& store, double keep_minutes,
                                std::uint64_t seed, Log& log);

}  // namespace lapatlas
