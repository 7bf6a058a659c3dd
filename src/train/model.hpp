#pragma once

#include <cstdint>

#include "src/config/options.hpp"
#include "src/decode/count_decoder.hpp"
#include "src/diffusion/score_net.hpp"
#include "src/embed/spectral_encoder.hpp"

namespace lapatlas {

/// The three networks of LapDDPM and what the latents are standardised by before they are diffused.
struct Model {
    SpectralEncoder encoder{nullptr};
    CountDecoder decoder{nullptr};
    ScoreNet score_net{nullptr};
    double latent_mean = 0;
    double latent_std = 1;
};

struct ModelSizes {
    std::int64_t genes = 0;
    std::int64_t encodings = 0;
    std::int64_t labels = 0;
};

/// Networks with their starting weights: a pure function of options, sizes and seed.
Model make_model(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed);

}  // namespace lapatlas
