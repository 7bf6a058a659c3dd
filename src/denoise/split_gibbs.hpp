#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "src/backend/backend.hpp"
#include "src/config/denoise_options.hpp"
#include "src/diffusion/ddpm.hpp"

namespace lapatlas {

/// rho of iteration `iteration` of `iterations`: constant, linear or exponential from options.rho to
/// options.last_rho.
double rho_at(const DenoiseOptions& options, std::int64_t iteration);

/// The first step of the prior's reverse chain: the last with abar > 1 / (1 + rho^2), where the noise that
/// the chain takes for granted is of deviation rho (DICE, eq. 7).
std::int64_t first_prior_step(const DdpmSchedule& schedule, double rho);

/// Draws Z of the likelihood step (DICE, algorithm 1, line 4) for the state U [rows, k] and rho; `draws` keys
/// its random numbers.
using LikelihoodStep =
    std::function<torch::Tensor(const torch::Tensor& state, double rho, const CellDraws& draws)>;

/// The closed form for Gaussian noise of deviation `noise` around V Z, V with orthonormal columns (DICE,
/// proposition 3.1): Z ~ N(L (V^T x / noise^2 + U / rho^2), L), L = 1 / (1 / noise^2 + 1 / rho^2).
/// `projected` is V^T x [rows, k].
LikelihoodStep gaussian_likelihood(std::shared_ptr<const Backend> backend, torch::Tensor projected,
                                   double noise);

/// Split Gibbs sampling of the latents of cells (DICE, algorithm 1), several runs of a cell side by side: a
/// likelihood step, then a sample of the prior's reverse chain, options.iterations times. `start` [rows, k];
/// `ids` [rows] key the random numbers, so that a run is the same in whatever block it is. Returns the last
/// states [rows, k].
torch::Tensor split_gibbs(const Backend& backend, const DdpmSchedule& schedule,
                          const StepNoisePredictor& prior, const LikelihoodStep& likelihood,
                          const DenoiseOptions& options, torch::Tensor start,
                          std::span<const std::int64_t> ids, std::uint64_t seed);

}  // namespace lapatlas
