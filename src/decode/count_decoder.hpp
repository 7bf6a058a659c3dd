#pragma once

#include <torch/torch.h>

#include <functional>
#include <span>

#include "src/decode/gene_sample.hpp"
#include "src/decode/likelihood_pass.hpp"

namespace lapatlas {

struct CountDecoderOptions {
    std::int64_t latent = 16;
    std::int64_t hidden = 128;
    std::int64_t genes = 0;
    bool negative_binomial = true;
    bool size_factor = true;
    std::int64_t batches = 0;  ///< 0: batches are not known
    std::int64_t labels = 0;   ///< 0: one dispersion a gene; else one a gene and label
};

/// The decoder (LapDDPM 3.2.2): (Linear, LayerNorm, ReLU) twice, then logits of every gene. With size_factor
/// the rates are library * softmax(logits), else exp(logits). The negative binomial has one dispersion a
/// gene, or one a gene and label (as scvi-tools' "gene-label"): a gene that marks a type varies less there
/// than its few counts elsewhere suggest. A label's log theta is the gene's plus a shift with a standard
/// normal prior, so that rare types keep to the gene's. A cell's batch enters the first and the last
/// layer as one more one-hot input: it can change what a latent means, and shift each gene.
class CountDecoderImpl : public torch::nn::Module {
  public:
    explicit CountDecoderImpl(const CountDecoderOptions& options);

    /// Drops hidden units: given a tensor [cells, hidden] and the layer's number, returns its masked copy.
    using Dropout = std::function<torch::Tensor(const torch::Tensor&, std::uint32_t layer)>;

    /// z [cells, latent], batches [cells] int64 (needed if options.batches > 0) -> [cells, hidden + batches].
    torch::Tensor hidden(const torch::Tensor& z, const torch::Tensor& batches = {},
                         const Dropout& dropout = {});
    /// z [cells, latent] -> logits [cells, genes], all at once: for small blocks.
    torch::Tensor logits(const torch::Tensor& z, const torch::Tensor& batches = {});
    /// Logits of each cell's mean unscaled rates over dropout, E[exp(logit)] to second order: W m + b +
    /// W^2 v / 2, with m and v the means and variances of the last hidden layer over `draws` (at least 2).
    /// A decoder that was fitted with units dropped means these rates. Those of one draw add the draw's noise
    /// to every gene; those without dropout fall short wherever a gene rests on few units.
    torch::Tensor logits_over_dropout(const torch::Tensor& z, const torch::Tensor& batches,
                                      std::span<const Dropout> draws);
    /// theta [1 or labels + 1, genes]: of unlabelled cells, then label by label; undefined for Poisson.
    torch::Tensor dispersion() const;
    /// The same on the host, flat; empty for Poisson.
    std::vector<float> dispersions() const;
    /// The row of dispersions() of each cell, by its label (-1: unlabelled).
    std::vector<std::int32_t> dispersion_rows(std::span<const std::int32_t> labels) const;
    /// What labels add to log theta / 10, [labels x genes] flat; not trained with the networks: a parameter
    /// without gradient. Undefined where there are none.
    torch::Tensor dispersion_shift() const { return dispersion_shift_; }
    /// Minus the log prior of the labels' shifts, a scalar; undefined where there are none.
    torch::Tensor dispersion_prior() const;

    /// Sum over cells and genes of the negative log-likelihood, a scalar; differentiable in `hidden_cells`
    /// (what hidden() gives), the output layer and the dispersions. Never holds more than `chunk` rows of [*,
    /// genes] (twice): logits, loss and gradients of a chunk are made together, in the forward pass. `labels`
    /// [cells], -1 unlabelled; empty: none has a label, and the labels' dispersions cost nothing.
    torch::Tensor negative_log_likelihood(const torch::Tensor& hidden_cells, const CellCounts& cells,
                                          std::span<const std::int32_t> labels, std::int64_t chunk);

    /// An estimate of it from the genes of `sample` and every count above zero (see sampled_likelihood), for
    /// cells without labels, on the CPU.
    torch::Tensor sampled_negative_log_likelihood(const torch::Tensor& hidden_cells, const CellCounts& cells,
                                                  const GeneSample& sample, std::int64_t chunk);

    struct CellScores {
        std::vector<float> log_likelihood;  ///< [cells] nats, summed over genes
        std::vector<float> rates;           ///< [cells, genes] expected counts, or empty
    };
    /// What the decoder says of each cell, `chunk` cells at a time: log-likelihood of its counts, and its
    /// expected counts where `with_rates`.
    CellScores score_cells(const torch::Tensor& hidden_cells,
                           const std::function<SparseCounts(std::int64_t)>& counts_of,
                           const std::function<float(std::int64_t)>& library_of,
                           std::span<const std::int32_t> labels, std::int64_t chunk, bool with_rates);

    /// Training starts at the best decoder without latents: the output bias is the log of `profile` [genes],
    /// a batch's weights in the output layer are its log fold changes (`batch_shifts` [batches, genes]), the
    /// dispersions are `dispersion` [genes] (within 0.05 .. 150; it grows as latents explain the
    /// variance).
    void start_at(std::span<const float> profile, std::span<const float> dispersion,
                  const torch::Tensor& batch_shifts = {});

  private:
    CountDecoderOptions options_;
    torch::nn::Linear first_{nullptr}, second_{nullptr}, output_{nullptr};
    torch::nn::LayerNorm first_norm_{nullptr}, second_norm_{nullptr};
    torch::Tensor log_dispersions() const;  // [rows, genes], undefined for Poisson
    torch::Tensor dispersion_;              // [genes] log theta / 10
    torch::Tensor dispersion_shift_;        // [labels x genes], flat, what labels add; undefined without
};
TORCH_MODULE(CountDecoder);

}  // namespace lapatlas
