#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <span>
#include <vector>

#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// The Scorer of SCLD (3.2.3, "post-guidance"): three linear layers with ReLU between that tell real from
/// generated cells by their log-normalised counts.
class RealScorerImpl : public torch::nn::Cloneable<RealScorerImpl> {
  public:
    RealScorerImpl(std::int64_t genes, double target_sum) : genes_(genes), target_sum_(target_sum) {
        reset();
    }
    void reset() override;
    /// x [n, genes] log-normalised -> logits [n, 2]: generated, real.
    torch::Tensor forward(const torch::Tensor& x);
    /// What forward() takes of rows of counts, [rows, genes] on the host.
    torch::Tensor input(const CountMatrix& counts, std::span<const std::int64_t> rows) const;

  private:
    std::int64_t genes_;
    double target_sum_;
    torch::nn::Linear first_{nullptr}, second_{nullptr}, last_{nullptr};
};
TORCH_MODULE(RealScorer);

/// [rows of counts] the chance that a cell is real, by `scorer`, which is on the device of `like`.
std::vector<float> real_scores(RealScorer scorer, const CountMatrix& counts, const torch::Device& device);

/// Which of scored cells stay: of each label so many as `wanted` says [labels + 1], unlabelled last; those
/// with the highest scores, the earlier one where scores are equal. [cells], 1 where a cell stays. Needs as
/// many cells of a label at least.
std::vector<std::uint8_t> best_of_labels(std::span<const std::int32_t> labels, std::span<const float> scores,
                                         std::span<const std::int64_t> wanted);

/// `total` cells dealt to labels as `candidates` [labels + 1] are: the largest remainders get what rounding
/// leaves.
std::vector<std::int64_t> deal_to_labels(std::span<const std::int64_t> candidates, std::int64_t total);

}  // namespace lapatlas
