#pragma once

#include "dist/communicator.hpp"
#include "src/decode/count_decoder.hpp"
#include "src/train/placed_data.hpp"

namespace lapatlas {

/// Collective. Fits the decoder's shifts of log theta by label to `cells` of all ranks, the networks as they
/// are: maximum a posteriori by 30 passes of Adam. `hidden` [cells, *]: the decoder's last layer but one.
void fit_dispersions_by_label(const Communicator& comm, CountDecoder& decoder, const torch::Tensor& hidden,
                              const CellBatch& cells, std::int64_t chunk);

}  // namespace lapatlas
