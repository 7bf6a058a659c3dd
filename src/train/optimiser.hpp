#pragma once

#include <torch/torch.h>

#include <vector>

namespace lapatlas {

/// AdamW (Loshchilov & Hutter 2019) through ATen's fused kernel: one pass over weights, gradients and
/// moments. Weight decay acts on matrices only; biases, norms and dispersions have none.
class Optimiser {
  public:
    Optimiser(std::vector<torch::Tensor> parameters, double weight_decay);
    /// Takes the gradients from parameters' grad().
    void step(double learning_rate);

    const std::vector<torch::Tensor>& parameters() const { return parameters_; }
    /// State of parameter i, to be saved and restored in place.
    torch::Tensor& first_moment(std::size_t i) { return first_moments_[i]; }
    torch::Tensor& second_moment(std::size_t i) { return second_moments_[i]; }
    std::int64_t steps_done() const;
    void set_steps_done(std::int64_t steps);

  private:
    std::vector<torch::Tensor> parameters_, first_moments_, second_moments_, step_counts_;
    double weight_decay_;
};

/// Values of each parameter, in order.
std::vector<std::int64_t> sizes_of_gradients(const Optimiser& optimiser);

/// Linear warm-up over the first `warmup` share of the steps, then a cosine to zero: the factor on the
/// learning rate.
double learning_rate_factor(std::int64_t step, std::int64_t num_steps, double warmup);

/// Scales gradients so that their global norm is at most `largest`; returns the norm before.
double clip_gradients(const std::vector<torch::Tensor>& parameters, double largest);

/// Exponential moving average of weights; its decay rises from small values, so that early weights are
/// forgotten.
class MovingAverage {
  public:
    MovingAverage(std::vector<torch::Tensor> parameters, double decay);
    void update();
    std::vector<torch::Tensor>& averages() { return averages_; }
    std::int64_t updates() const { return updates_; }
    void set_updates(std::int64_t updates) { updates_ = updates; }

  private:
    std::vector<torch::Tensor> parameters_, averages_;
    double decay_;
    std::int64_t updates_ = 0;
};

}  // namespace lapatlas
