#include "src/diffusion/latent_classifier.hpp"

#include <utility>

#include "src/diffusion/time_features.hpp"
#include "src/diffusion/vp_sde.hpp"

namespace lapatlas {

namespace {

torch::Tensor silu_slope(const torch::Tensor& x) {
    const torch::Tensor gate = torch::sigmoid(x);
    return gate * (1 + x * (1 - gate));
}

}  // namespace

void LatentClassifierImpl::reset() {
    const std::int64_t width = options_.width;
    first_ = register_module("first", torch::nn::Linear(options_.latent, width));
    time_ = register_module("time", torch::nn::Linear(kTimeFeatures, width));
    if (options_.scanvi) {
        norm_ = register_module("norm", SynchronisedNorm(width));
    } else {
        second_ = register_module("second", torch::nn::Linear(width, width));
        third_ = register_module("third", torch::nn::Linear(width, width));
    }
    last_ = register_module("last", torch::nn::Linear(width, options_.labels));
    frequencies_ = register_buffer("frequencies", time_frequencies());
}

torch::Tensor LatentClassifierImpl::first_sum(const torch::Tensor& z, const torch::Tensor& times) {
    return first_->forward(z) + time_->forward(time_features(times, frequencies_));
}

torch::Tensor LatentClassifierImpl::forward(const torch::Tensor& z, const torch::Tensor& times,
                                            const TrunkDropout& dropout, const SumOverRanks& sum) {
    if (options_.scanvi) {
        const torch::Tensor h = torch::relu(norm_->forward(first_sum(z, times), sum));
        return last_->forward(dropout ? dropout(h, 0) : h);
    }
    std::uint32_t layer = 0;
    const auto hidden = [&](const torch::Tensor& linear) {
        const torch::Tensor active = torch::silu(linear);
        return dropout ? dropout(active, layer++) : active;
    };
    torch::Tensor h = hidden(first_sum(z, times));
    h = hidden(second_->forward(h));
    h = hidden(third_->forward(h));
    return last_->forward(h);
}

torch::Tensor LatentClassifierImpl::log_probability_gradient(const torch::Tensor& z, double t,
                                                             const torch::Tensor& labels) {
    const torch::Tensor a = first_sum(z, torch::full({1}, t, z.options()));
    const torch::Tensor known = (labels >= 0).unsqueeze(1).to(z.scalar_type());
    const auto of_logits = [&](const torch::Tensor& logits) {
        torch::Tensor is_label = torch::zeros({z.size(0), options_.labels}, z.options());
        is_label.scatter_(1, labels.clamp_min(0).unsqueeze(1), 1);
        return (is_label - torch::softmax(logits, 1)) * known;
    };
    if (options_.scanvi) {
        const torch::Tensor b = norm_->forward(a, {});
        const torch::Tensor of_b =
            torch::mm(of_logits(last_->forward(torch::relu(b))), last_->weight) * (b > 0).to(z.scalar_type());
        return torch::mm(of_b * norm_->running_scale(), first_->weight);
    }
    const torch::Tensor b = second_->forward(torch::silu(a));
    const torch::Tensor c = third_->forward(torch::silu(b));
    torch::Tensor back = torch::mm(of_logits(last_->forward(torch::silu(c))), last_->weight) * silu_slope(c);
    back = torch::mm(back, third_->weight) * silu_slope(b);
    back = torch::mm(back, second_->weight) * silu_slope(a);
    return torch::mm(back, first_->weight);
}

torch::Tensor LatentClassifierImpl::predict(const torch::Tensor& z) {
    return forward(z, torch::full({1}, kShortestTime, z.options())).argmax(1);
}

NoisePredictor classifier_guided(NoisePredictor predict, LatentClassifier classifier, torch::Tensor labels,
                                 double scale, double until) {
    if (scale == 0) return predict;
    return [predict = std::move(predict), classifier = std::move(classifier), labels = std::move(labels),
            scale, until](const at::Tensor& z, double t) mutable {
        const at::Tensor noise = predict(z, t);
        if (t > until) return noise;
        return noise - classifier->log_probability_gradient(z, t, labels) * (scale * vp_sigma(t));
    };
}

}  // namespace lapatlas
