#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <span>

#include "src/autoencode/cell_embedding.hpp"
#include "src/autoencode/tag_decoder.hpp"
#include "src/config/model_options.hpp"
#include "src/decode/count_decoder.hpp"
#include "src/diffusion/forward_process.hpp"
#include "src/diffusion/latent_classifier.hpp"
#include "src/diffusion/score_net.hpp"
#include "src/embed/spectral_encoder.hpp"
#include "src/embed/tag_encoder.hpp"
#include "src/io/prepared_file.hpp"

namespace lapatlas {

struct Checkpoint;

/// The networks of a model and what the latents are standardised by before they are diffused. Its embedding
/// is encoder and decoder (LapDDPM's), tag_encoder and tag_decoder (scTAG's), or `cellwise`; the others are
/// null.
struct Model {
    SpectralEncoder encoder{nullptr};
    CountDecoder decoder{nullptr};
    TagEncoder tag_encoder{nullptr};
    TagDecoder tag_decoder{nullptr};
    std::shared_ptr<CellEmbedding> cellwise;
    ScoreNet score_net{nullptr};
    LatentClassifier classifier{nullptr};  ///< of diffused latents; none with model.classifier = none
    ForwardProcess process = ForwardProcess::continuous(5);  ///< the noise that the latents are diffused by
    double latent_mean = 0;
    double latent_std = 1;
    /// With library_model = joint: what log library sizes are standardised by.
    double log_library_mean = 0;
    double log_library_std = 1;
    /// With learnable weights: -log(weight) / 10 of reconstruction, KL and diffusion; else undefined. (In
    /// tens, as Adam moves a parameter by its learning rate a step, whatever the gradient.)
    torch::Tensor loss_log_variances;
    bool joint_library = false;  ///< the diffused vector has the standardised log library as its last value

    void to(const torch::Device& device);
    /// What its latents say of counts; null with LapDDPM's decoder, which has a likelihood of its own.
    std::shared_ptr<CountModel> counts() const;

    std::int64_t latent_width() const { return diffused_width() - (joint_library ? 1 : 0); }
    std::int64_t diffused_width() const { return score_net->options().latent; }
    /// What is diffused, [n, diffused_width]: latents z [n, d] and library sizes, standardised.
    torch::Tensor diffused(const torch::Tensor& z, std::span<const float> library) const;
};

struct ModelSizes {
    std::int64_t genes = 0;
    std::int64_t encodings = 0;
    std::int64_t labels = 0;
    std::int64_t batches = 0;
    std::vector<CovariateColumn> covariates{};
    std::int64_t proteins = 0;
};

/// Of a prepared dataset.
ModelSizes sizes_of(const PreparedSummary& summary);

/// A model's embedding in a checkpoint: its weights and what it keeps of its training.
void store_embedding(Checkpoint& checkpoint, const Model& model);
void restore_embedding(const Checkpoint& checkpoint, Model& model);
/// What generation needs of it alone.
void restore_decoder(const Checkpoint& checkpoint, Model& model);
/// What a ScoreNet knows beside its weights.
void restore_score_net_buffers(const Checkpoint& checkpoint, ScoreNet& score_net);
/// Its classifier: weights and what batch norms keep; restored to be asked, not trained.
void store_classifier(Checkpoint& checkpoint, const LatentClassifier& classifier);
void restore_classifier(const Checkpoint& checkpoint, LatentClassifier& classifier);

/// Networks with their starting weights: a pure function of options, sizes and seed.
Model make_model(const ModelOptions& options, const ModelSizes& sizes, std::uint64_t seed);

}  // namespace lapatlas
