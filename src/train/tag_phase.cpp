#include "src/train/tag_phase.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/collectives.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/graph/kmeans.hpp"
#include "src/train/encode.hpp"
#include "src/train/joint_step.hpp"
#include "src/train/schedule.hpp"

namespace lapatlas {

namespace {

/// In the order in which backward finishes them.
std::vector<torch::Tensor> backward_order(Model& model) {
    std::vector<torch::Tensor> order = model.tag_decoder->parameters();
    std::reverse(order.begin(), order.end());
    const std::vector<torch::Tensor>& sparse = model.tag_encoder->sparse_weights();
    const std::vector<torch::Tensor> encoder = model.tag_encoder->parameters();
    // The sparse ones are registered first.
    for (std::size_t i = encoder.size(); i > sparse.size(); --i) order.push_back(encoder[i - 1]);
    order.insert(order.end(), sparse.begin(), sparse.end());
    return order;
}

}  // namespace

TagPhase::TagPhase(const PlacedData& placed, const Config& config, Model& model, std::uint64_t seed)
    : placed_(placed),
      data_(placed.data()),
      backend_(placed.backend()),
      comm_(backend_.comm()),
      config_(config),
      model_(model),
      seed_(seed),
      clusters_(data_, config.train, seed) {
    if (model_.tag_decoder->centres().size(0) > data_.summary.num_train)
        throw ConfigError("model.target_clusters = " + std::to_string(model_.tag_decoder->centres().size(0)) +
                          ": there are fewer training cells");
    const std::vector<torch::Tensor> parameters = backward_order(model_);
    gradients_ =
        std::make_unique<ReducedGradients>(backend_, parameters, model_.tag_encoder->sparse_weights());
    optimiser_ = std::make_unique<Optimiser>(parameters, config.train.weight_decay);
}

std::int64_t TagPhase::steps() const { return steps_an_epoch() * config_.train.embedding_epochs; }

std::int64_t TagPhase::first_target_step() const {
    return steps_an_epoch() * (config_.train.embedding_epochs - config_.train.target_epochs);
}

TagPhase::ActivePart TagPhase::activate(std::int64_t step) {
    const std::vector<std::uint8_t> active = clusters_.of_step(step);
    ActivePart part;
    part.induced = std::make_unique<InducedShard>(induce(data_.train_graph, data_.map, active));
    part.graph = backend_.graph_operator(part.induced->shard,
                                         laplacian_entries(comm_, part.induced->shard, {}), &halo_);
    for (std::size_t c = 0; c < active.size(); ++c) {
        if (active[c] == 0) continue;
        const std::int64_t cells = data_.map.cluster_rows(static_cast<std::int64_t>(c)).size();
        part.cells_of_all_ranks += cells;
        part.pairs_of_all_ranks += static_cast<double>(cells * cells);
    }
    return part;
}

torch::Tensor TagPhase::encode(const ActivePart& part, GradientSink* sink) {
    const auto input = placed_.inputs(part.induced->kept_rows, {});
    return model_.tag_encoder->forward(input, part.graph, sink);
}

torch::Tensor TagPhase::count_loss(const ActivePart& part, const torch::Tensor& z, std::int64_t step) {
    const std::int64_t wanted = config_.train.loss_cells;
    const std::vector<std::int64_t> chosen = loss_rows(part.induced->shard.owned_ids, part.cells_of_all_ranks,
                                                       wanted, seed_, static_cast<std::uint32_t>(step));
    std::vector<std::int64_t> rows;
    for (const std::int64_t at : chosen)
        rows.push_back(part.induced->kept_rows[static_cast<std::size_t>(at)]);
    const CountLaw law = model_.tag_decoder->law(z.index_select(0, backend_.tensor(chosen)), {});
    const auto cells = static_cast<double>(wanted == 0 ? part.cells_of_all_ranks
                                                       : std::min(part.cells_of_all_ranks, wanted));
    return -log_likelihood(law, placed_.counts_of(rows), placed_.totals_of(rows)).sum() / cells;
}

torch::Tensor TagPhase::adjacency_loss(const ActivePart& part, const torch::Tensor& z) const {
    const GraphShard& shard = part.induced->shard;
    const auto cluster_of = [&](std::int64_t row) {
        return data_.map.cluster_of_row(shard.owned_ids[static_cast<std::size_t>(row)]);
    };
    torch::Tensor error = 0 * z.sum();  // of the rank's part, which may be empty
    // A cluster's rows lie side by side on the rank that owns it.
    for (std::int64_t begin = 0, end = 0; begin < shard.num_owned; begin = end) {
        while (end < shard.num_owned && cluster_of(end) == cluster_of(begin)) ++end;
        const std::int64_t cells = end - begin;
        std::vector<float> adjacency(static_cast<std::size_t>(cells * cells), 0);
        for (std::int64_t row = begin; row < end; ++row)
            for (const std::int32_t column : shard.neighbours(row))
                if (column >= begin && column < end && column != row)
                    adjacency[static_cast<std::size_t>((row - begin) * cells + column - begin)] = 1;
        error = error + adjacency_error(z.narrow(0, begin, cells),
                                        backend_.tensor(adjacency).reshape({cells, cells}));
    }
    return error / part.pairs_of_all_ranks;
}

torch::Tensor TagPhase::target_loss(const ActivePart& part, const torch::Tensor& z) const {
    const torch::Tensor q = soft_assignments(z, model_.tag_decoder->centres());
    torch::Tensor sums = q.detach().to(torch::kFloat64).sum(0);
    sum_over_ranks(comm_)(sums);
    const torch::Tensor p = sharpened(q, sums.to(q.scalar_type()));
    return (torch::xlogy(p, p) - p * torch::log(q)).sum() / static_cast<double>(part.cells_of_all_ranks);
}

void TagPhase::start_centres() {
    const std::unique_ptr<FrozenLatents> latents = freeze();
    const torch::Tensor means =
        latents->means(0, data_.num_train_rows).cpu().to(torch::kFloat64).contiguous();
    const std::int64_t count = model_.tag_decoder->centres().size(0), width = means.size(1);
    const std::vector<double> found =
        kmeans_centroids(comm_, {means.const_data_ptr<double>(), static_cast<std::size_t>(means.numel())},
                         width, count, seed_);
    const torch::NoGradGuard no_grad;
    torch::Tensor centres = model_.tag_decoder->centres();
    centres.copy_(torch::tensor(found, torch::kFloat64).reshape({count, width}));
}

StepResult TagPhase::step(std::int64_t step) {
    if (step == first_target_step()) start_centres();
    const ActivePart part = activate(step);
    clusters_.read_ahead(comm_.rank(), step);
    const torch::Tensor z = encode(part, gradients_.get());
    const torch::Tensor counts = count_loss(part, z, step), adjacency = adjacency_loss(part, z);
    // As published the counts' term is a mean over genes too.
    torch::Tensor loss =
        counts / static_cast<double>(data_.summary.gene_names.size()) + config_.train.w_adjacency * adjacency;
    torch::Tensor target = torch::zeros({}, z.options());
    if (step >= first_target_step()) {
        target = target_loss(part, z);
        loss = loss + config_.train.w_target * target;
    } else {
        // The centres have their place in the gradients that are summed over ranks.
        loss = loss + 0 * model_.tag_decoder->centres().sum();
    }
    gradients_->begin();
    loss.backward();
    gradients_->finish();
    double sums[3] = {loss.item<double>(), counts.item<double>(), target.item<double>()};
    all_reduce_sum(comm_, std::span<double>(sums));
    StepResult result;
    result.loss = sums[0];
    result.terms = {sums[1], sums[2], 0};
    result.num_cells = part.cells_of_all_ranks;
    result.gradient_norm = clip_gradients(optimiser_->parameters(), config_.train.clip_norm);
    require_finite(result.terms, result.gradient_norm, "embedding", step);
    result.learning_rate = config_.train.embedding_learning_rate *
                           learning_rate_factor(step, steps(), config_.train.warmup_fraction);
    optimiser_->step(result.learning_rate);
    clusters_.give_up(comm_.rank(), step);
    return result;
}

Validation TagPhase::validate() {
    const torch::NoGradGuard no_grad;
    const torch::Tensor latents = encode_rows(placed_, model_, config_.train).mean;
    double sums[2] = {0, 0};
    constexpr std::size_t kCellsAtOnce = 512;
    const std::vector<std::int64_t> chosen = validation_rows(data_);
    for (std::size_t first = 0; first < chosen.size(); first += kCellsAtOnce) {
        const auto rows = std::span<const std::int64_t>(chosen).subspan(
            first, std::min(kCellsAtOnce, chosen.size() - first));
        std::vector<float> totals;
        for (const std::int64_t row : rows) totals.push_back(data_.library[static_cast<std::size_t>(row)]);
        const CountLaw law = model_.tag_decoder->law(latents.index_select(0, backend_.tensor(rows)), {});
        sums[0] -= log_likelihood(law, placed_.counts_of(rows), placed_.totals_of(rows)).sum().item<double>();
        sums[1] += static_cast<double>(rows.size());
    }
    all_reduce_sum(comm_, std::span<double>(sums));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {sums[1] == 0 ? nan : sums[0] / sums[1], nan};
}

std::unique_ptr<FrozenLatents> TagPhase::freeze() {
    auto frozen =
        std::make_unique<FrozenLatents>(backend_, data_.num_train_rows, config_.model.latent, 1, seed_);
    const torch::NoGradGuard no_grad;
    for (std::int64_t place = 0; place < clusters_.steps_a_pass(); ++place) {
        // The first pass beyond those of training.
        const std::int64_t step = (steps() / clusters_.steps_a_pass() + 1) * clusters_.steps_a_pass() + place;
        clusters_.read_ahead(comm_.rank(), step);
        const ActivePart part = activate(step);
        const torch::Tensor z = encode(part, nullptr);
        frozen->add(0, part.induced->kept_rows, {z, torch::zeros_like(z), false});
        clusters_.give_up(comm_.rank(), step);
    }
    return frozen;
}

void TagPhase::store(Checkpoint& checkpoint) {
    if (comm_.is_root()) store_optimiser(checkpoint, "embedding_optimiser", *optimiser_);
}

void TagPhase::restore(const Checkpoint& checkpoint) {
    restore_optimiser(checkpoint, "embedding_optimiser", *optimiser_);
}

}  // namespace lapatlas
