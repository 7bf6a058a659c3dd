#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "src/decode/count_likelihood.hpp"

namespace lapatlas {

/// What a likelihood is of, beside counts.
struct LikelihoodModel {
    std::int64_t genes = 0;
    bool size_factor = true;   ///< mean = library * softmax(logits); else mean = exp(logits) (LapDDPM 3.2.2)
    torch::Tensor dispersion;  // [rows, genes] theta of the negative binomial; undefined: Poisson
};

/// One pass over a batch of cells, chunk by chunk, where the decoder computes.
class LikelihoodPass {
  public:
    virtual ~LikelihoodPass() = default;
    /// Takes the logits [chunk, genes] of cells first, first + 1, ...; they are spent: with gradients
    /// they become d/d logits of the negative log-likelihood, summed over genes and cells.
    virtual void add(std::int64_t first, const torch::Tensor& logits, bool with_gradients) = 0;
    struct Sums {
        torch::Tensor negative_log_likelihood;  // a float64 scalar
        torch::Tensor dispersion_gradient;      // [rows, genes] for log theta; empty for Poisson
    };
    /// Of all that was added.
    virtual Sums sums() = 0;
};

/// The counts of a batch of cells, where the decoder computes.
class CellCounts {
  public:
    virtual ~CellCounts() = default;
    virtual std::int64_t num_cells() const = 0;
    struct OnHost {
        std::span<const SparseCounts> counts;  // [cells]
        std::span<const float> library;        // [cells]
    };
    /// InternalError where they are on a device.
    virtual OnHost on_host() const = 0;
    /// `dispersion_rows` [cells]; empty: all have the first. The pass views this object.
    virtual std::unique_ptr<LikelihoodPass> likelihood_pass(
        const LikelihoodModel& model, const std::vector<std::int32_t>& dispersion_rows) const = 0;
};

/// On the CPU. Views the counts; library [cells].
std::shared_ptr<const CellCounts> make_host_cell_counts(CountMatrix counts, std::vector<float> library);

}  // namespace lapatlas
