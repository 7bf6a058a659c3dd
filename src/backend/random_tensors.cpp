#include "src/backend/random_tensors.hpp"

namespace lapatlas {

torch::Tensor sample_normal(const Backend& backend, const torch::Tensor& mean, const torch::Tensor& deviation,
                            const CellDraws& draws, RandomStream stream) {
    return mean + deviation * backend.normals(draws, stream, mean.size(1));
}

std::function<torch::Tensor(const torch::Tensor&, std::uint32_t)> drawn_dropout(const Backend& backend,
                                                                                double rate,
                                                                                const CellDraws& draws,
                                                                                DropoutLayers first_layer) {
    if (rate == 0) return {};
    return [&backend, rate, draws, first_layer](const torch::Tensor& x, std::uint32_t layer) {
        return x * backend.dropout(draws, static_cast<std::uint32_t>(first_layer) + layer, x.size(1), rate);
    };
}

}  // namespace lapatlas
