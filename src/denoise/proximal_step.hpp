#pragma once

#include <memory>

#include "src/denoise/count_observation.hpp"
#include "src/denoise/split_gibbs.hpp"

namespace lapatlas {

/// How often the proposals of a proximal step were taken.
struct Acceptance {
    double proposed = 0, taken = 0;
};

/// The likelihood step for counts, which has no closed form: Z ~ p(x | Z) N(Z; U, rho^2). From U a few steps
/// of Fisher scoring go towards its mode, the proximal point of the likelihood; Z is proposed from the normal
/// distribution around it (Laplace), and taken or not against the Z before as Metropolis and Hastings ask, so
/// that the step leaves the distribution as it is, however good the proposal. The first is always taken.
/// `observation` must outlive it; `acceptance` is added to.
LikelihoodStep proximal_likelihood(std::shared_ptr<const Backend> backend,
                                   const CountObservation& observation, ObservedCells cells,
                                   Acceptance& acceptance);

}  // namespace lapatlas
