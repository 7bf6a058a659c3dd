#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

#include "src/diffusion/forward_process.hpp"

namespace lapatlas {

/// eps(z, t): the noise in z, of the shape of z [n, d], at time t of the forward process (the score is -eps /
/// sigma).
using NoisePredictor = std::function<at::Tensor(const at::Tensor& z, double t)>;
/// Standard normals [n, d] of solver step `step`; keyed by cell and step so that no cell's path depends on
/// others.
using StepNoise = std::function<at::Tensor(int step)>;

enum class Solver { kDpmpp2m, kDdim, kEulerMaruyama, kAncestral };

/// "dpmpp_2m", "ddim", "euler_maruyama" or "ancestral"; ConfigError for anything else.
Solver solver_from_name(const std::string& name);

/// Classifier-free guidance: (1 + w) eps(z, c) - w eps(z, null) (Wang et al., Single-Cell Latent Diffusion,
/// eq. 13). w = 0 evaluates only `conditional`, w = -1 only `null`.
NoisePredictor guided(NoisePredictor conditional, NoisePredictor null, double w);

/// Carries z_T ~ N(0, I) [n, d] back to t = 0 along solver_times(num_steps, T): the denoising of
/// LapDDPM 3.2.2 and algorithm 2, line 4. One evaluation of `predict` a step. Element types are those of z_T.
///
/// All take their last step, from kShortestTime to 0, without noise.
/// - kEulerMaruyama: z <- z + (z - 2 eps / sigma) dt + sqrt(2 dt) xi, the reverse SDE with dt > 0 going down
/// in time.
/// - kDdim: z <- alpha' x0 + sigma' eps with x0 = (z - sigma eps) / alpha (Song et al. 2021, eta = 0).
/// - kDpmpp2m: DPM-Solver++ 2M (Lu et al. 2022, algorithm 2): second order in lambda, data prediction,
/// multistep.
///
/// - kAncestral: the chain of a discrete process, step by step (ancestral_sample); num_steps is not looked
/// at.
///
/// `step_noise` is called once a step by kEulerMaruyama and kAncestral alone. ConfigError as solver_times,
/// and where kAncestral is asked of a continuous process.
at::Tensor solve(Solver solver, const NoisePredictor& predict, at::Tensor z, int num_steps,
                 const ForwardProcess& process, const StepNoise& step_noise);

}  // namespace lapatlas
