#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "partition/graph_shard.hpp"
#include "src/embed/spectral_encoder.hpp"

namespace lapatlas {

/// Collective. How a loss of the encoder's posteriors changes with the weight of each edge [edges], at
/// `weights` [edges]; a weight is that of both directions of an edge, and degrees go with it. `loss` gets the
/// posteriors of this rank's rows and returns this rank's part of the loss. On the CPU.
std::vector<double> edge_gradient(const Communicator& comm, const GraphShard& shard,
                                  std::span<const float> weights, SpectralEncoder encoder,
                                  const std::shared_ptr<const EncoderInput>& x,
                                  const torch::Tensor& encodings,
                                  const std::function<torch::Tensor(const Posterior&)>& loss);

}  // namespace lapatlas
