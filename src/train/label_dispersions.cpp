#include "src/train/label_dispersions.hpp"

#include "dist/collectives.hpp"
#include "src/train/optimiser.hpp"

namespace lapatlas {

void fit_dispersions_by_label(const Communicator& comm, CountDecoder& decoder, const torch::Tensor& hidden,
                              const CellBatch& cells, std::int64_t chunk) {
    constexpr std::int64_t kPasses = 30;
    // In log theta / 10: a pass moves log theta by up to a fifth, the last ones by little.
    constexpr double kLearningRate = 0.02;
    torch::Tensor shift = decoder->dispersion_shift();
    Optimiser optimiser({shift}, 0);
    // The networks stay as they are, so nothing is spent on their gradients.
    std::vector<torch::Tensor> fixed;
    for (const torch::Tensor& parameter : decoder->parameters())
        if (parameter.requires_grad()) fixed.push_back(parameter);
    for (torch::Tensor& parameter : fixed) parameter.set_requires_grad(false);
    shift.set_requires_grad(true);
    for (std::int64_t pass = 0; pass < kPasses; ++pass) {
        const torch::Tensor loss =
            decoder->negative_log_likelihood(hidden, *cells.counts, cells.labels, chunk) +
            decoder->dispersion_prior() / comm.size();
        const torch::Tensor gradient = torch::autograd::grad({loss}, {shift})[0].cpu().contiguous();
        all_reduce_sum(
            comm, std::span<float>(gradient.data_ptr<float>(), static_cast<std::size_t>(gradient.numel())));
        shift.mutable_grad() = gradient.to(shift.device());
        optimiser.step(kLearningRate * learning_rate_factor(pass, kPasses, 0));
    }
    shift.mutable_grad() = torch::Tensor();
    shift.set_requires_grad(false);
    for (torch::Tensor& parameter : fixed) parameter.set_requires_grad(true);
}

}  // namespace lapatlas
