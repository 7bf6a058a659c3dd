#include "src/train/joint_step.hpp"

#include <algorithm>

#include "dist/collectives.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/diffusion/vp_sde.hpp"

namespace lapatlas {

std::vector<std::int64_t> training_labels(std::span<const std::int32_t> labels,
                                          std::span<const std::int64_t> ids, double dropout,
                                          std::uint64_t seed, std::uint32_t step) {
    std::vector<std::int64_t> out;
    const PlacedRandom random(seed, RandomStream::kLabelDropout);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const bool dropped = random.uniform(static_cast<std::uint64_t>(ids[i]), step) < dropout;
        out.push_back(dropped ? -1 : labels[i]);
    }
    return out;
}

std::vector<std::int64_t> loss_rows(std::span<const std::int64_t> ids, std::int64_t num_active,
                                    std::int64_t wanted, std::uint64_t seed, std::uint32_t step) {
    std::vector<std::int64_t> chosen;
    const bool all = wanted == 0 || wanted >= num_active;
    const double share = static_cast<double>(wanted) / static_cast<double>(num_active);
    const PlacedRandom random(seed, RandomStream::kLossCells);
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (all || random.uniform(static_cast<std::uint64_t>(ids[i]), step) < share)
            chosen.push_back(static_cast<std::int64_t>(i));
    return chosen;
}

void times_from_uniforms(std::span<float> uniforms, const std::string& how, const ForwardProcess& process) {
    const TrainingTimes times = training_times_from_name(how);
    for (float& uniform : uniforms) uniform = static_cast<float>(process.training_time(uniform, times));
}

torch::Tensor noisy_latents(const torch::Tensor& z0, const torch::Tensor& times, const torch::Tensor& noise) {
    const torch::Tensor alpha = torch::exp(-times).unsqueeze(1);
    const torch::Tensor sigma = torch::sqrt(-torch::expm1(-2 * times)).unsqueeze(1);
    return alpha * z0 + sigma * noise;
}

torch::Tensor diffusion_loss(ScoreNet& score_net, const torch::Tensor& z0, const torch::Tensor& times,
                             const torch::Tensor& noise, const torch::Tensor& labels,
                             const torch::Tensor& batches, const ScoreBlockImpl::Dropout& dropout,
                             const torch::Tensor& covariates) {
    const torch::Tensor predicted =
        score_net->forward(noisy_latents(z0, times, noise), times, labels, batches, dropout, covariates);
    return (predicted - noise).square().sum() / static_cast<double>(z0.size(1));
}

void require_possible(const Backend& backend, const TrainOptions& options) {
    if (options.counts_on_disk && options.batch == "full")
        throw ConfigError(
            "train.counts_on_disk with train.batch = full: every step would read all counts; use train.batch "
            "= "
            "cluster");
    if (backend.device().is_cuda()) {
        if (options.counts_on_disk)
            throw ConfigError(
                "train.counts_on_disk: this run computes on a GPU, whose memory holds the counts; use it "
                "without, "
                "or runtime.device = cpu");
        if (options.gene_sample > 0)
            throw ConfigError(
                "train.gene_sample: this run computes on a GPU, where all genes are looked at in one pass; "
                "use it "
                "without, or runtime.device = cpu");
    }
    if (options.precision == "bfloat16" && !backend.multiplies_bfloat16())
        throw ConfigError(
            "train.precision = bfloat16: this run computes on the CPU, where networks are trained in "
            "float32; "
            "use a GPU or train.precision = float32");
}

MixedPrecision mixed_precision(const Backend& backend, const TrainOptions& options) {
    return {backend.device(), options.precision == "bfloat16"};
}

JointLoss::JointLoss(const PlacedData& data, const ModelOptions& model_options, const TrainOptions& options,
                     std::uint64_t seed)
    : placed_(data),
      data_(data.data()),
      model_options_(model_options),
      options_(options),
      seed_(seed),
      perturbation_({.alpha_min = options.alpha_min,
                     .alpha_max = options.alpha_max,
                     .epsilon = options.epsilon,
                     .power_iterations = options.power_iterations,
                     .seed = seed,
                     .modes = options.perturb_modes,
                     .local_edits = options.local_edits},
                    owned_training_ids(data_)) {}

void JointLoss::activate(std::span<const std::uint8_t> cluster_is_active) {
    active_ = std::make_unique<InducedShard>(induce(data_.train_graph, data_.map, cluster_is_active));
}

Posterior JointLoss::encode(Model& model, std::uint32_t step, GradientSink* sink) {
    const GraphShard& shard = active_->shard;
    const std::vector<std::int32_t>& rows = active_->kept_rows;

    // LapDDPM algorithm 1, lines 7 to 10: masked input, adversarial edge weights.
    const auto input = placed_.inputs(rows, {options_.mask_fraction, seed_, step});
    const Communicator& comm = placed_.backend().comm();
    const std::vector<float> weights =
        options_.perturb ? perturbation_.weights(comm, shard, rows, step) : std::vector<float>();
    const auto graph =
        placed_.backend().graph_operator(shard, laplacian_entries(comm, shard, weights), &halo_);

    torch::Tensor encodings = placed_.encodings(rows);
    if (options_.lpe_sign_flip) {
        const PlacedRandom random(seed_, RandomStream::kSignFlip);
        std::vector<float> signs;
        for (std::int64_t m = 0; m < encodings.size(1); ++m)
            signs.push_back((random.words(static_cast<std::uint64_t>(m), step)[0] & 1) != 0 ? -1.0f : 1.0f);
        encodings = encodings * placed_.backend().tensor(signs);
    }
    return model.encoder->forward(input, encodings, graph, sink);
}

JointLoss::Encoded JointLoss::encode_as_trained(Model& model, std::span<const std::uint8_t> cluster_is_active,
                                                std::uint32_t step) {
    const torch::NoGradGuard no_grad;
    activate(cluster_is_active);
    const MixedPrecision rounding = mixed_precision(placed_.backend(), options_);
    const Posterior posterior = encode(model, step, nullptr);
    return {active_->kept_rows, posterior};
}

JointLoss::LossCells JointLoss::prepare_loss_cells(const ForwardProcess& process, std::int64_t num_active,
                                                   std::uint32_t step) const {
    const std::vector<std::int64_t> chosen =
        loss_rows(active_->shard.owned_ids, num_active, options_.loss_cells, seed_, step);
    std::vector<std::int64_t> rows, ids;
    for (const std::int64_t at : chosen) {
        rows.push_back(active_->kept_rows[static_cast<std::size_t>(at)]);
        ids.push_back(active_->shard.owned_ids[static_cast<std::size_t>(at)]);
    }
    std::vector<float> times;
    const PlacedRandom time_draws(seed_, RandomStream::kDiffusionTime);
    for (const std::int64_t id : ids)
        times.push_back(uniform_float(time_draws.words(static_cast<std::uint64_t>(id), step)[0]));
    times_from_uniforms(times, options_.times, process);
    CellBatch batch = placed_.cell_batch(rows);
    const Backend& backend = placed_.backend();
    const auto labels = training_labels(batch.labels, ids, options_.label_dropout, seed_, step);
    return {.batch = std::move(batch),
            .draws = {seed_, step, backend.tensor(ids)},
            .places = backend.tensor(chosen),
            .times = backend.tensor(times),
            .labels = backend.tensor(labels),
            .covariates = placed_.covariates(rows, ids, options_.covariate_dropout, seed_, step)};
}

JointLoss::Result JointLoss::operator()(Model& model, std::span<const std::uint8_t> cluster_is_active,
                                        std::uint32_t step, GradientSink* sink) {
    activate(cluster_is_active);
    std::int64_t num_active = 0;
    for (std::size_t c = 0; c < cluster_is_active.size(); ++c)
        if (cluster_is_active[c] != 0)
            num_active += data_.map.cluster_rows(static_cast<std::int64_t>(c)).size();
    // All that the host gives the device comes before the step's work there: every copy waits for what is
    // under way.
    const LossCells loss_cells = prepare_loss_cells(model.process, num_active, step);
    const CellBatch& cells = loss_cells.batch;
    const CellDraws& draws = loss_cells.draws;
    const Backend& backend = placed_.backend();
    const MixedPrecision rounding = mixed_precision(backend, options_);

    const Posterior of_active = encode(model, step, sink);
    const Posterior posterior{of_active.mean.index_select(0, loss_cells.places),
                              of_active.log_variance.index_select(0, loss_cells.places),
                              of_active.latent_noise};
    Result result;
    result.num_loss_cells = loss_cells.places.size(0);
    // The expected number of loss cells: known to all, and without bias.
    const auto divisor = static_cast<double>(
        options_.loss_cells == 0 ? num_active : std::min(num_active, options_.loss_cells));

    // Lines 11 to 13: a draw from the posterior.
    const torch::Tensor z =
        sample_normal(backend, posterior.mean, posterior.deviation(), draws, RandomStream::kLatentNoise);
    const torch::Tensor kl =
        0.5 * (posterior.mean.square() + posterior.log_variance.exp() - 1 - posterior.log_variance).sum();

    // Lines 22 and 23: counts from the latent that is diffused too.
    const CountDecoderImpl::Dropout dropout =
        drawn_dropout(backend, model_options_.dropout, draws, DropoutLayers::kDecoder);
    // The labels' own dispersions are fitted when the networks are (Trainer::fit_label_dispersions).
    const torch::Tensor hidden = model.decoder->hidden(z, cells.batches, dropout);
    const torch::Tensor reconstruction =
        gene_sampler_
            ? model.decoder->sampled_negative_log_likelihood(
                  hidden, *cells.counts, gene_sampler_->draw(seed_, step), options_.decode_chunk)
            : model.decoder->negative_log_likelihood(hidden, *cells.counts, {}, options_.decode_chunk);

    // Lines 15 to 18.
    const torch::Tensor diffused = model.diffused(options_.joint_gradient ? z : z.detach(), cells.library);
    const torch::Tensor noise = backend.normals(draws, RandomStream::kDiffusionNoise, model.diffused_width());
    const torch::Tensor diffusion =
        diffusion_loss(model.score_net, diffused, loss_cells.times, noise, loss_cells.labels, cells.batches,
                       drawn_dropout(backend, model_options_.score_dropout, draws, DropoutLayers::kScoreNet),
                       loss_cells.covariates);

    if (model.loss_log_variances.defined()) {
        // exp(-s) L + s for each term (Kendall, Gal & Cipolla 2018), s counted once over the ranks.
        const torch::Tensor s = 10 * model.loss_log_variances;
        const torch::Tensor terms =
            torch::stack({reconstruction.to(torch::kFloat32), kl, diffusion}) / divisor;
        result.loss = (torch::exp(-s) * terms + s / static_cast<double>(backend.comm().size())).sum();
    } else {
        result.loss = options_.w_rec / divisor * reconstruction + options_.w_kl / divisor * kl +
                      options_.w_diff / divisor * diffusion;
    }
    const torch::NoGradGuard no_grad;
    const torch::Tensor drawn = z.detach().to(torch::kFloat64);
    result.figures =
        torch::stack({result.loss.detach().to(torch::kFloat64), reconstruction / divisor,
                      kl.detach().to(torch::kFloat64) / divisor,
                      diffusion.detach().to(torch::kFloat64) / divisor, drawn.sum(), drawn.square().sum()});
    return result;
}

}  // namespace lapatlas
