#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "src/backend/backend.hpp"
#include "src/embed/spectral_encoder.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

/// Posteriors of a rank's training cells once the encoder is trained: those the decoder was trained on, each
/// cell several times, of other masks, graphs and perturbations.
class FrozenLatents {
  public:
    /// Kept where `backend`, which is viewed, computes; `encodings` of each row.
    FrozenLatents(const Backend& backend, std::int64_t rows, std::int64_t latent, std::int64_t encodings,
                  std::uint64_t seed);
    std::int64_t encodings() const { return encodings_; }

    /// The posteriors of some rows in one of the encodings; together all rows must be given.
    void add(std::int64_t encoding, std::span<const std::int32_t> rows, const Posterior& posterior);

    /// Samples [rows, latent] of each row's posterior in the encoding named beside it, keyed by ids and
    /// stamp.
    torch::Tensor draw(std::span<const std::int64_t> encodings, std::span<const std::int64_t> rows,
                       std::span<const std::int64_t> ids, std::uint32_t stamp) const;
    /// The same, all in the first encoding, with noise of another stream: what generated cells are compared
    /// with.
    torch::Tensor reference(std::span<const std::int64_t> rows, std::span<const std::int64_t> ids) const;

    /// Means of rows [begin, end) in the first encoding.
    torch::Tensor means(std::int64_t begin, std::int64_t end) const {
        return mean_.narrow(0, begin, end - begin);
    }

    struct Moments {
        double mean, std;
    };
    /// Collective. Of all draws, all ranks and all dimensions together.
    Moments moments(const Communicator& comm) const;

  private:
    /// Of the rows `places` of mean_ and std_.
    torch::Tensor sample(const std::vector<std::int64_t>& places, RandomStream stream,
                         std::span<const std::int64_t> ids, std::uint32_t stamp) const;

    const Backend& backend_;
    torch::Tensor mean_, std_;  // [encodings x rows, latent]
    std::int64_t rows_, encodings_;
    std::uint64_t seed_;
};

}  // namespace lapatlas
