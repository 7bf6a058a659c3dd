#include "src/train/encode.hpp"

#include <numeric>

#include "src/graph/edge_perturbation.hpp"

namespace lapatlas {

Posterior encode_rows(const Communicator& comm, const Model& model, const RankData& data,
                      double mask_fraction, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    std::vector<std::int32_t> rows(static_cast<std::size_t>(data.num_rows()));
    std::iota(rows.begin(), rows.end(), 0);
    const auto input = make_sparse_encoder_input(sparse_input(data, rows, mask_fraction, seed, 0));
    const auto graph =
        make_graph_operator(comm, data.full_graph, laplacian_entries(comm, data.full_graph, {}));
    SpectralEncoder encoder = model.encoder;
    return encoder->forward(input, data.encodings, graph);
}

}  // namespace lapatlas
