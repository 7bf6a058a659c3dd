#include "src/diffusion/synchronised_norm.hpp"

#include <torch/custom_class.h>
#include <torch/torch.h>

#include <algorithm>
#include <span>
#include <utility>

#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

/// What the forward pass hands to the backward one beside tensors.
struct Together : torch::CustomClassHolder {
    Together(SumOverRanks sum_over_ranks, double all_rows)
        : sum(std::move(sum_over_ranks)), total(all_rows) {}
    SumOverRanks sum;
    double total;
};

/// Of the rows of all ranks.
struct BatchMoments {
    torch::Tensor mean, variance;  // [width] float64, the variance biased
    double rows = 0;
};

/// (x - mean) / sqrt(variance + epsilon), mean and variance over the rows of all ranks.
class NormaliseTogether : public torch::autograd::Function<NormaliseTogether> {
  public:
    /// Tells `moments` of the batch.
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                                 const SumOverRanks& sum, double epsilon, BatchMoments* moments) {
        // Sums in float64: a variance as a difference of sums loses half the digits.
        const torch::Tensor wide = x.to(torch::kFloat64);
        torch::Tensor sums = torch::cat({wide.sum(0), wide.square().sum(0),
                                         torch::full({1}, static_cast<double>(x.size(0)), wide.options())});
        sum(sums);
        const std::int64_t width = x.size(1);
        moments->rows = sums[2 * width].item<double>();
        moments->mean = sums.narrow(0, 0, width) / moments->rows;
        moments->variance =
            (sums.narrow(0, width, width) / moments->rows - moments->mean.square()).clamp_min(0);
        const torch::Tensor scale = torch::rsqrt(moments->variance + epsilon).to(x.scalar_type());
        const torch::Tensor normalised = (x - moments->mean.to(x.scalar_type())) * scale;
        context->save_for_backward({normalised, scale});
        context->saved_data["together"] =
            torch::IValue::make_capsule(c10::make_intrusive<Together>(sum, moments->rows));
        return normalised;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const torch::Tensor &normalised = saved[0], &scale = saved[1], &gradient = gradients[0];
        const auto together =
            c10::static_intrusive_pointer_cast<Together>(context->saved_data["together"].toCapsule());
        torch::Tensor sums = torch::stack(
            {gradient.to(torch::kFloat64).sum(0), (gradient * normalised).to(torch::kFloat64).sum(0)});
        together->sum(sums);
        const torch::Tensor means = (sums / together->total).to(gradient.scalar_type());
        return {scale * (gradient - means[0] - normalised * means[1]), {}, {}, {}};
    }
};

}  // namespace

SumOverRanks sum_over_ranks(const Communicator& comm) {
    return [comm](torch::Tensor& values) {
        torch::Tensor host = values.to(torch::kCPU).contiguous();
        all_reduce_sum(comm,
                       std::span<double>(host.data_ptr<double>(), static_cast<std::size_t>(host.numel())));
        values.copy_(host);
    };
}

void SynchronisedNormImpl::reset() {
    weight_ = register_parameter("weight", torch::ones({width_}));
    bias_ = register_parameter("bias", torch::zeros({width_}));
    running_mean_ = register_buffer("running_mean", torch::zeros({width_}));
    running_variance_ = register_buffer("running_variance", torch::ones({width_}));
}

torch::Tensor SynchronisedNormImpl::running_scale() const {
    return weight_ * torch::rsqrt(running_variance_ + epsilon_);
}

torch::Tensor SynchronisedNormImpl::forward(const torch::Tensor& x, const SumOverRanks& sum) {
    if (!is_training()) {
        const torch::Tensor scale = running_scale();
        return x * scale + (bias_ - running_mean_ * scale);
    }
    BatchMoments moments;
    const torch::Tensor normalised = NormaliseTogether::apply(x, sum, epsilon_, &moments);
    // Without any rows nothing is learned of them.
    if (moments.rows > 0) {
        const torch::NoGradGuard no_grad;
        const torch::Tensor unbiased = moments.variance * (moments.rows / std::max(1.0, moments.rows - 1));
        running_mean_.lerp_(moments.mean.to(running_mean_.scalar_type()), momentum_);
        running_variance_.lerp_(unbiased.to(running_variance_.scalar_type()), momentum_);
    }
    return normalised * weight_ + bias_;
}

}  // namespace lapatlas
