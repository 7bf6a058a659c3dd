#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

namespace lapatlas {

/// The conditions of a batch's cells, each computed once: that of cell i is row rows[i] of `values`, or row i
/// where `rows` is undefined.
struct TrunkConditions {
    torch::Tensor values;  // [m, width] SiLU of the parts below, added
    torch::Tensor times;   // [m, width] SiLU of time and batch alone
    torch::Tensor labels;  // [m, width] of the label alone
    torch::Tensor rows;    // [n] int64, or undefined
    /// What was computed of `values`, [m, *], for every cell.
    torch::Tensor for_cells(const torch::Tensor& of_values) const {
        return rows.defined() ? of_values.index_select(0, rows) : of_values;
    }
};

/// Drops hidden units in training: given a tensor [n, width] and the block's number, its masked copy.
using TrunkDropout = std::function<torch::Tensor(const torch::Tensor&, std::uint32_t block)>;

/// What a ScoreNet has between its conditions and its output: noisy latents z [n, d] -> v [n, d].
class ScoreTrunk {
  public:
    virtual ~ScoreTrunk() = default;
    virtual torch::Tensor velocity(const torch::Tensor& z, const TrunkConditions& conditions,
                                   const TrunkDropout& dropout) = 0;
};

}  // namespace lapatlas
