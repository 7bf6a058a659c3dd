#include "src/denoise/proximal_step.hpp"

#include <utility>

namespace lapatlas {

namespace {

/// Steps of Fisher scoring; after three the proposals are as good as after ten.
constexpr int kScoringSteps = 3;

class ProximalStep {
  public:
    ProximalStep(std::shared_ptr<const Backend> backend, const CountObservation& observation,
                 ObservedCells cells, Acceptance& acceptance)
        : backend_(std::move(backend)),
          observation_(observation),
          cells_(std::move(cells)),
          acceptance_(acceptance) {}

    torch::Tensor operator()(const torch::Tensor& state, double rho, const CellDraws& draws) {
        const torch::NoGradGuard no_grad;
        const std::int64_t k = state.size(1);
        const double of_state = 1 / (rho * rho);
        const torch::Tensor coupling = torch::eye(k, state.options()) * of_state;
        torch::Tensor mode = state;
        torch::Tensor factor;  // [rows, k, k] lower, of the precision
        for (int step = 0;; ++step) {
            const CountEvidence evidence = count_evidence(observation_, cells_, mode);
            factor = torch::linalg_cholesky(evidence.information + coupling);
            if (step == kScoringSteps) break;
            const torch::Tensor uphill = evidence.gradient + (state - mode) * of_state;
            mode = mode + torch::cholesky_solve(uphill.unsqueeze(2), factor).squeeze(2);
        }
        // The last column decides whether it is taken.
        const torch::Tensor noise = backend_->normals(draws, RandomStream::kLikelihoodStep, k + 1);
        const torch::Tensor apart = noise.narrow(1, 0, k);
        const torch::Tensor proposal =
            mode +
            torch::linalg_solve_triangular(factor.transpose(1, 2), apart.unsqueeze(2), true).squeeze(2);
        const torch::Tensor likelihood = count_log_likelihood(observation_, cells_, proposal);
        if (!last_.defined()) {
            last_ = proposal;
            last_likelihood_ = likelihood;
            return last_;
        }
        const auto target = [&](const torch::Tensor& z, const torch::Tensor& of_counts) {
            return of_counts - (z - state).square().sum(1) * (of_state / 2);
        };
        const torch::Tensor of_last =
            torch::matmul(factor.transpose(1, 2), (last_ - mode).unsqueeze(2)).squeeze(2);
        const torch::Tensor gain = target(proposal, likelihood) - target(last_, last_likelihood_) +
                                   (apart.square().sum(1) - of_last.square().sum(1)) / 2;
        const torch::Tensor taken = torch::log(torch::special_ndtr(noise.select(1, k))) < gain;
        last_likelihood_ = torch::where(taken, likelihood, last_likelihood_);
        last_ = torch::where(taken.unsqueeze(1), proposal, last_);
        acceptance_.proposed += static_cast<double>(taken.numel());
        acceptance_.taken += static_cast<double>(taken.sum().item<std::int64_t>());
        return last_;
    }

  private:
    std::shared_ptr<const Backend> backend_;
    const CountObservation& observation_;
    ObservedCells cells_;
    Acceptance& acceptance_;
    torch::Tensor last_;             // [rows, k]
    torch::Tensor last_likelihood_;  // [rows] of its counts
};

}  // namespace

LikelihoodStep proximal_likelihood(std::shared_ptr<const Backend> backend,
                                   const CountObservation& observation, ObservedCells cells,
                                   Acceptance& acceptance) {
    return [step = ProximalStep(std::move(backend), observation, std::move(cells), acceptance)](
               const torch::Tensor& state, double rho, const CellDraws& draws) mutable {
        return step(state, rho, draws);
    };
}

}  // namespace lapatlas
