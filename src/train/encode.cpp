#include "src/train/encode.hpp"

#include <numeric>

#include "src/graph/edge_perturbation.hpp"

namespace lapatlas {

Posterior encode_rows(const PlacedData& placed, const Model& model, double mask_fraction,
                      std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    const GraphShard& shard = placed.data().full_graph;
    std::vector<std::int32_t> rows(static_cast<std::size_t>(placed.data().num_rows()));
    std::iota(rows.begin(), rows.end(), 0);
    const auto input = placed.inputs(rows, {mask_fraction, seed, 0});
    const auto graph =
        placed.backend().graph_operator(shard, laplacian_entries(placed.backend().comm(), shard, {}));
    SpectralEncoder encoder = model.encoder;
    return encoder->forward(input, placed.encodings(), graph);
}

}  // namespace lapatlas
