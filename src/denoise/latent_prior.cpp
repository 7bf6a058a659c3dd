#include "src/denoise/latent_prior.hpp"

#include <algorithm>
#include <cmath>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "src/embed/parameter_init.hpp"

namespace lapatlas {

namespace {

constexpr int kMixed = 5;

std::vector<torch::Tensor> backward_order(const ResidualMlp& network) {
    std::vector<torch::Tensor> parameters = network->parameters();
    std::reverse(parameters.begin(), parameters.end());
    return parameters;
}

}  // namespace

LatentPrior::LatentPrior(std::shared_ptr<const Backend> backend, const DenoiseOptions& options,
                         std::int64_t width, const ReferenceLatents& reference, std::uint64_t seed)
    : backend_(std::move(backend)),
      options_(options),
      reference_(reference),
      seed_(seed),
      schedule_(options.diffusion_steps, options.first_beta, options.last_beta),
      network_(ResidualMlpOptions{width, options.width, options.blocks}),
      cells_(reference.num_cells(), options.batch, RandomStream::kScoreBatch, seed) {
    initialise_parameters(*network_, seed, 1);
    network_->to(backend_->device());
    gradients_ =
        std::make_unique<ReducedGradients>(*backend_, backward_order(network_), std::vector<torch::Tensor>{});
    optimiser_ = std::make_unique<Optimiser>(backward_order(network_), options.weight_decay);
    for (std::int64_t cell = 0; cell < reference_.num_cells(); ++cell) {
        const std::int32_t label = reference_.labels[static_cast<std::size_t>(cell)];
        if (label < 0) continue;
        if (cells_of_label_.size() <= static_cast<std::size_t>(label))
            cells_of_label_.resize(static_cast<std::size_t>(label) + 1);
        cells_of_label_[static_cast<std::size_t>(label)].push_back(cell);
    }
}

std::int64_t LatentPrior::num_steps() const { return options_.epochs * cells_.steps_an_epoch(); }

std::vector<float> LatentPrior::cell_in_step(std::int64_t cell, std::int64_t step) const {
    const auto latent_of = [&](std::int64_t c) { return reference_.values.data() + c * reference_.width; };
    std::vector<float> latent(latent_of(cell), latent_of(cell) + reference_.width);
    const std::int32_t label = reference_.labels[static_cast<std::size_t>(cell)];
    if (label < 0) return latent;
    const PlacedRandom random(seed_, RandomStream::kMixture);
    const auto draw = [&](std::uint32_t i) {
        return random.uniform(static_cast<std::uint64_t>(cell), static_cast<std::uint32_t>(step), i);
    };
    if (draw(0) >= options_.mixup) return latent;
    // Dirichlet(1, ..., 1): exponentials over their sum.
    double weights[kMixed], total = 0;
    for (std::uint32_t i = 0; i < kMixed; ++i) total += weights[i] = -std::log(draw(1 + i));
    const std::vector<std::int64_t>& alike = cells_of_label_[static_cast<std::size_t>(label)];
    for (float& x : latent) x *= static_cast<float>(weights[0] / total);
    for (std::uint32_t i = 1; i < kMixed; ++i) {
        const double place = draw(kMixed + i) * static_cast<double>(alike.size());
        const float* other = latent_of(alike[std::min(alike.size() - 1, static_cast<std::size_t>(place))]);
        for (std::size_t j = 0; j < latent.size(); ++j)
            latent[j] += static_cast<float>(weights[i] / total) * other[j];
    }
    return latent;
}

double LatentPrior::step() {
    const std::int64_t step = steps_done_, width = reference_.width;
    const std::vector<std::int64_t> all = cells_.of_step(step);
    const BlockRange share = block_of_rank(std::ssize(all), backend_->comm().size(), backend_->comm().rank());
    const std::vector<std::int64_t> cells(all.begin() + share.begin, all.begin() + share.end);
    const auto stamp = static_cast<std::uint32_t>(step);
    const PlacedRandom random(seed_, RandomStream::kDiffusionTime);
    const auto T = static_cast<double>(schedule_.num_steps());
    std::vector<float> latents, kept, added, times;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::vector<float> latent = cell_in_step(cells[i], step);
        latents.insert(latents.end(), latent.begin(), latent.end());
        const double place = random.uniform(static_cast<std::uint64_t>(cells[i]), stamp) * T;
        const std::int64_t t = std::min(schedule_.num_steps(), 1 + static_cast<std::int64_t>(place));
        kept.push_back(static_cast<float>(std::sqrt(schedule_.alpha_bar(t))));
        added.push_back(static_cast<float>(std::sqrt(1 - schedule_.alpha_bar(t))));
        times.push_back(static_cast<float>(static_cast<double>(t) / T));
    }
    const torch::Tensor x = backend_->tensor(latents).reshape({std::ssize(cells), width});
    const torch::Tensor noise =
        backend_->normals({seed_, stamp, backend_->tensor(cells)}, RandomStream::kDiffusionNoise, width);
    const torch::Tensor noisy =
        x * backend_->tensor(kept).unsqueeze(1) + noise * backend_->tensor(added).unsqueeze(1);
    network_->train();
    const torch::Tensor predicted =
        network_->forward(noisy, backend_->tensor(times), sum_over_ranks(backend_->comm()));
    const torch::Tensor loss =
        (predicted - noise).square().sum() / static_cast<double>(std::ssize(all) * width);
    gradients_->begin();
    loss.backward();
    gradients_->finish();
    const double whole = all_reduce_sum(backend_->comm(), loss.item<double>());
    if (!std::isfinite(whole))
        throw InternalError("training of the prior stopped at step " + std::to_string(step) +
                            ": its loss is " + std::to_string(whole) + "; lower denoise.learning_rate");
    optimiser_->step(options_.learning_rate * learning_rate_factor(step, num_steps(), 0));
    ++steps_done_;
    return whole;
}

torch::Tensor LatentPrior::predict(const torch::Tensor& x, std::int64_t step) {
    const torch::NoGradGuard no_grad;
    network_->eval();
    const double time = static_cast<double>(step) / static_cast<double>(schedule_.num_steps());
    return network_->forward(x, torch::full({1}, time, x.options()));
}

void LatentPrior::store(Checkpoint& checkpoint) {
    store_module(checkpoint, "prior", *network_);
    store_tensors(checkpoint, "prior_buffers", network_->buffers());
    store_optimiser(checkpoint, "prior_optimiser", *optimiser_);
    checkpoint.counters["prior_steps"] = steps_done_;
    checkpoint.counters["complete"] = is_complete() ? 1 : 0;
}

void LatentPrior::restore(const Checkpoint& checkpoint) {
    restore_module(checkpoint, "prior", *network_);
    std::vector<torch::Tensor> buffers = network_->buffers();
    restore_tensors(checkpoint, "prior_buffers", buffers);
    restore_optimiser(checkpoint, "prior_optimiser", *optimiser_);
    steps_done_ = checkpoint.counters.at("prior_steps");
}

}  // namespace lapatlas
