#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "src/config/model_options.hpp"
#include "src/config/train_options.hpp"
#include "src/embed/mixed_precision.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/train/model.hpp"
#include "src/train/placed_data.hpp"

namespace lapatlas {

/// The three terms of LapDDPM 3.4, each a mean over a step's loss cells of all ranks.
struct LossTerms {
    double reconstruction = 0;  ///< summed over genes
    double kl = 0;              ///< summed over latent dimensions
    double diffusion = 0;       ///< mean over latent dimensions
};

/// ConfigError where the backend does not train as the options ask, or two of them exclude each other.
void require_possible(const Backend& backend, const TrainOptions& options);

/// What options.precision asks of the networks' products, while it lives.
MixedPrecision mixed_precision(const Backend& backend, const TrainOptions& options);

/// One step's loss: a pure function of (model, data, options, seed, step), whatever the ranks. All cells of
/// the active clusters make the graph that the encoder sees; the losses of about options.loss_cells of them,
/// drawn at random, count: cells of one step are then as different as the data, and neighbours stay whole.
class JointLoss {
  public:
    /// Views data.
    JointLoss(const PlacedData& data, const ModelOptions& model_options, const TrainOptions& options,
              std::uint64_t seed);

    /// With options.gene_sample: what the genes of a step are drawn by, [genes] mean expression.
    void sample_genes(std::span<const float> profile) {
        gene_sampler_.emplace(profile, options_.gene_sample);
    }

    struct Result {
        torch::Tensor loss;  ///< this rank's part of the weighted loss: call backward() on it
        /// [6] float64, this rank's part of each; sum over ranks for the whole: the weighted loss,
        /// reconstruction, KL, diffusion; and z and z^2 over the loss cells, for standardisation. To be read
        /// after backward(), lest the device waits.
        torch::Tensor figures;
        std::int64_t num_loss_cells = 0;  ///< of this rank
    };
    /// Collective, and so is backward() of the result's loss. `cluster_is_active`: equal on every rank.
    Result operator()(Model& model, std::span<const std::uint8_t> cluster_is_active, std::uint32_t step,
                      GradientSink* sink);

    struct Encoded {
        std::vector<std::int32_t> rows;  ///< of the data: this rank's active training rows
        Posterior posterior;             ///< [rows, d] each, without gradients
    };
    /// Collective. The posteriors that the decoder is trained on in a step: those of masked counts on the
    /// perturbed graph of the active clusters.
    Encoded encode_as_trained(Model& model, std::span<const std::uint8_t> cluster_is_active,
                              std::uint32_t step);

    EdgePerturbation& perturbation() { return perturbation_; }
    const EdgePerturbation& perturbation() const { return perturbation_; }
    const HaloStatistics& halo() const { return halo_; }

  private:
    /// This rank's active rows (places in the induced shard) whose losses count in a step with `num_active`
    /// active cells on all ranks: each with the same chance, keyed by its global row.
    std::vector<std::int64_t> choose_loss_rows(std::int64_t num_active, std::uint32_t step) const;
    /// The cells of a step whose losses count, where the networks compute.
    struct LossCells {
        CellBatch batch;
        CellDraws draws;
        torch::Tensor places;  // [cells] among this rank's active rows
        torch::Tensor times;   // [cells] of diffusion
        torch::Tensor labels;  // [cells] as training_labels makes them
        torch::Tensor covariates;
    };
    LossCells prepare_loss_cells(const ForwardProcess& process, std::int64_t num_active,
                                 std::uint32_t step) const;
    /// Makes active_.
    void activate(std::span<const std::uint8_t> cluster_is_active);
    /// Collective. Of all rows of active_.
    Posterior encode(Model& model, std::uint32_t step, GradientSink* sink);

    const PlacedData& placed_;
    const RankData& data_;
    ModelOptions model_options_;
    TrainOptions options_;
    std::uint64_t seed_;
    EdgePerturbation perturbation_;
    HaloStatistics halo_;
    std::optional<GeneSampler> gene_sampler_;
    // Alive until backward has run.
    std::unique_ptr<InducedShard> active_;
};

/// The labels [n] to train under: null (-1) where a cell has none or is chosen for label dropout.
std::vector<std::int64_t> training_labels(std::span<const std::int32_t> labels,
                                          std::span<const std::int64_t> ids, double dropout,
                                          std::uint64_t seed, std::uint32_t step);

/// Places in `ids`, the global rows of this rank's active cells, of those whose losses count in a step with
/// `num_active` active cells on all ranks: each with the same chance, so that `wanted` (0: all) are expected.
std::vector<std::int64_t> loss_rows(std::span<const std::int64_t> ids, std::int64_t num_active,
                                    std::int64_t wanted, std::uint64_t seed, std::uint32_t step);

/// Latents z0 [n, d], standardised, with `noise` [n, d] as at times [n].
torch::Tensor noisy_latents(const torch::Tensor& z0, const torch::Tensor& times, const torch::Tensor& noise);

/// Denoising loss, summed over cells, mean over dimensions: |eps^(z_t, t, label) - eps|^2 (LapDDPM 3.4, item
/// 1). z0 [n, d] standardised latents; times [n]; noise [n, d]; batches [n], or undefined where the net knows
/// none.
torch::Tensor diffusion_loss(ScoreNet& score_net, const torch::Tensor& z0, const torch::Tensor& times,
                             const torch::Tensor& noise, const torch::Tensor& labels,
                             const torch::Tensor& batches, const ScoreBlockImpl::Dropout& dropout = {},
                             const torch::Tensor& covariates = {});

/// Makes training times of uniforms in (0, 1), by train.times.
void times_from_uniforms(std::span<float> uniforms, const std::string& how, const ForwardProcess& process);

}  // namespace lapatlas
