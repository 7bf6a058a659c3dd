#include "src/train/random_tensors.hpp"

namespace lapatlas {

torch::Tensor placed_normals(std::uint64_t seed, RandomStream stream, std::span<const std::int64_t> ids,
                             std::uint32_t step, std::int64_t width) {
    torch::Tensor out = torch::empty({static_cast<std::int64_t>(ids.size()), width});
    const PlacedRandom random(seed, stream);
    const auto count = static_cast<std::int64_t>(ids.size());
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i)
        random.fill_normals(static_cast<std::uint64_t>(ids[static_cast<std::size_t>(i)]), step,
                            out.data_ptr<float>() + i * width, width);
    return out;
}

torch::Tensor placed_sample(const torch::Tensor& mean, const torch::Tensor& deviation, std::uint64_t seed,
                            RandomStream stream, std::span<const std::int64_t> ids, std::uint32_t step) {
    return mean + deviation * placed_normals(seed, stream, ids, step, mean.size(1));
}

torch::Tensor placed_uniforms(std::uint64_t seed, RandomStream stream, std::span<const std::int64_t> ids,
                              std::uint32_t step) {
    torch::Tensor out = torch::empty({static_cast<std::int64_t>(ids.size())});
    const PlacedRandom random(seed, stream);
    for (std::size_t i = 0; i < ids.size(); ++i)
        out.data_ptr<float>()[i] = uniform_float(random.words(static_cast<std::uint64_t>(ids[i]), step)[0]);
    return out;
}

torch::Tensor placed_dropout(std::uint64_t seed, std::span<const std::int64_t> ids, std::uint32_t step,
                             std::uint32_t layer, std::int64_t width, double rate) {
    torch::Tensor out = torch::empty({static_cast<std::int64_t>(ids.size()), width});
    const PlacedRandom random(seed, RandomStream::kDropout);
    const auto threshold = static_cast<std::uint32_t>(rate * 4294967295.0);
    const auto kept = static_cast<float>(1 / (1 - rate));
    const auto count = static_cast<std::int64_t>(ids.size());
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
        float* row = out.data_ptr<float>() + i * width;
        for (std::int64_t j = 0; j < width; j += 4) {
            const auto words = random.words(static_cast<std::uint64_t>(ids[static_cast<std::size_t>(i)]),
                                            step, layer << 24 | static_cast<std::uint32_t>(j / 4));
            for (std::int64_t w = 0; w < 4 && j + w < width; ++w)
                row[j + w] = words[static_cast<std::size_t>(w)] < threshold ? 0.0f : kept;
        }
    }
    return out;
}

std::function<torch::Tensor(const torch::Tensor&, std::uint32_t)> drawn_dropout(double rate,
                                                                                std::vector<std::int64_t> ids,
                                                                                std::uint64_t seed,
                                                                                std::uint32_t step,
                                                                                DropoutLayers first_layer) {
    if (rate == 0) return {};
    return [=, ids = std::move(ids)](const torch::Tensor& x, std::uint32_t layer) {
        return x * placed_dropout(seed, ids, step, static_cast<std::uint32_t>(first_layer) + layer, x.size(1),
                                  rate);
    };
}

}  // namespace lapatlas
