#include "src/train/frozen_latents.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "dist/collectives.hpp"
#include "src/backend/random_tensors.hpp"

namespace lapatlas {

FrozenLatents::FrozenLatents(const Backend& backend, std::int64_t rows, std::int64_t latent,
                             std::int64_t encodings, std::uint64_t seed)
    : backend_(backend),
      mean_(torch::zeros({encodings * rows, latent}, torch::TensorOptions(backend.device()))),
      std_(torch::zeros_like(mean_)),
      rows_(rows),
      encodings_(encodings),
      seed_(seed) {}

void FrozenLatents::add(std::int64_t encoding, std::span<const std::int32_t> rows,
                        const Posterior& posterior) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor index = backend_.tensor(rows).to(torch::kInt64) + encoding * rows_;
    mean_.index_copy_(0, index, posterior.mean);
    std_.index_copy_(0, index, posterior.deviation());
}

torch::Tensor FrozenLatents::draw(std::span<const std::int64_t> encodings, std::span<const std::int64_t> rows,
                                  std::span<const std::int64_t> ids, std::uint32_t stamp) const {
    std::vector<std::int64_t> places;
    for (std::size_t i = 0; i < rows.size(); ++i) places.push_back(encodings[i] * rows_ + rows[i]);
    return sample(places, RandomStream::kLatentNoise, ids, stamp);
}

torch::Tensor FrozenLatents::reference(std::span<const std::int64_t> rows,
                                       std::span<const std::int64_t> ids) const {
    return sample({rows.begin(), rows.end()}, RandomStream::kReferenceNoise, ids, 0);
}

torch::Tensor FrozenLatents::sample(const std::vector<std::int64_t>& places, RandomStream stream,
                                    std::span<const std::int64_t> ids, std::uint32_t stamp) const {
    const torch::Tensor index = backend_.tensor(places);
    return sample_normal(backend_, mean_.index_select(0, index), std_.index_select(0, index),
                         {seed_, stamp, backend_.tensor(ids)}, stream);
}

FrozenLatents::Moments FrozenLatents::moments(const Communicator& comm) const {
    double sums[3] = {0, 0, static_cast<double>(mean_.numel())};
    // A part at a time: in float64, and squared, all latents would be several times as large as they are.
    constexpr std::int64_t kRowsAtOnce = std::int64_t{1} << 16;
    for (std::int64_t first = 0; first < mean_.size(0); first += kRowsAtOnce) {
        const std::int64_t count = std::min(kRowsAtOnce, mean_.size(0) - first);
        const torch::Tensor mean = mean_.narrow(0, first, count).to(torch::kFloat64),
                            std = std_.narrow(0, first, count).to(torch::kFloat64);
        sums[0] += mean.sum().item<double>();
        sums[1] += (mean.square() + std.square()).sum().item<double>();
    }
    all_reduce_sum(comm, std::span<double>(sums));
    const double centre = sums[0] / sums[2];
    return {centre, std::sqrt(std::max(1e-12, sums[1] / sums[2] - centre * centre))};
}

}  // namespace lapatlas
