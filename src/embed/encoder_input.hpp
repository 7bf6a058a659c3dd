#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

#include "src/embed/sparse_kernels.hpp"

namespace lapatlas {

/// The transformed counts X [num_rows, num_genes] of a step's cells, held where the encoder computes: what
/// its first layer asks of them. Tensors are contiguous float32 on that device.
class EncoderInput {
  public:
    virtual ~EncoderInput() = default;
    virtual std::int64_t num_rows() const = 0;
    virtual std::int64_t num_genes() const = 0;
    /// out [num_rows, width] = X w, w [num_genes, width]. `poll` has its turns where the host computes.
    virtual void times(const torch::Tensor& w, const torch::Tensor& out, const Poll& poll = {}) const = 0;
    /// out [num_genes, width] = X^T y, y [num_rows, width].
    virtual void transposed_times(const torch::Tensor& y, const torch::Tensor& out,
                                  const Poll& poll = {}) const = 0;
};

/// On the CPU, by sparse products. What x lacks of its order by genes is made when it is needed.
std::shared_ptr<const EncoderInput> make_sparse_encoder_input(SparseInput x);

}  // namespace lapatlas
