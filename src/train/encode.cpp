#include "src/train/encode.hpp"

#include <algorithm>
#include <numeric>

#include "dist/error.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/train/schedule.hpp"

namespace lapatlas {

namespace {

/// Stretches of neighbouring clusters in a group, at most: several, so that a group's cells lie on several
/// ranks.
constexpr std::int64_t kStretches = 8;

/// Of each row by itself; nothing is hidden.
Posterior encode_cellwise(const PlacedData& placed, CellEmbedding& embedding) {
    constexpr std::int64_t kRowsAtOnce = 1024;
    const std::int64_t rows = placed.data().num_rows();
    Posterior all;
    all.mean = torch::empty({rows, embedding.latent()}, torch::TensorOptions(placed.backend().device()));
    all.log_variance = torch::zeros_like(all.mean);
    all.latent_noise = false;
    for (std::int64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
        std::vector<std::int64_t> some(static_cast<std::size_t>(std::min(kRowsAtOnce, rows - begin)));
        std::iota(some.begin(), some.end(), begin);
        const Posterior part = embedding.encode(placed.seen_by(embedding, some));
        all.mean.narrow(0, begin, std::ssize(some)).copy_(part.mean);
        all.log_variance.narrow(0, begin, std::ssize(some)).copy_(part.log_variance);
        all.latent_noise = part.latent_noise;
    }
    return all;
}

}  // namespace

std::vector<std::uint8_t> clusters_of_group(std::int64_t clusters, std::int64_t groups, std::int64_t group) {
    std::vector<std::uint8_t> active(static_cast<std::size_t>(clusters), 0);
    const std::int64_t stretches = groups * std::clamp<std::int64_t>(clusters / groups, 1, kStretches);
    for (std::int64_t stretch = group; stretch < stretches; stretch += groups)
        for (std::int64_t c = stretch * clusters / stretches; c < (stretch + 1) * clusters / stretches; ++c)
            active[static_cast<std::size_t>(c)] = 1;
    return active;
}

Posterior encode_rows(const PlacedData& placed, const Model& model, const TrainOptions& options,
                      double mask_fraction, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    if (model.cellwise) return encode_cellwise(placed, *model.cellwise);
    ensure(options.batch != "auto", "the size of the data has decided train.batch");
    const RankData& data = placed.data();
    const Backend& backend = placed.backend();
    const std::int64_t clusters = data.map.num_clusters();
    const std::int64_t groups = steps_a_pass(options, static_cast<double>(data.summary.num_train), clusters);
    SpectralEncoder encoder = model.encoder;
    TagEncoder tag_encoder = model.tag_encoder;
    const auto encode = [&](const auto& input, const auto& rows, const auto& graph) -> Posterior {
        if (tag_encoder.is_empty()) return encoder->forward(input, placed.encodings(rows), graph);
        const torch::Tensor z = tag_encoder->forward(input, graph);
        return {z, torch::zeros_like(z), false};
    };
    const EntryMask mask{tag_encoder.is_empty() ? mask_fraction : 0, seed, 0};
    Posterior all;
    for (std::int64_t group = 0; group < groups; ++group) {
        const InducedShard part = induce(data.full_graph, data.map,
                                         clusters_of_group(clusters, groups, group), data.heldout_clusters);
        prefetch_counts(data, part.kept_rows);
        const auto input = placed.inputs(part.kept_rows, mask);
        const auto graph =
            backend.graph_operator(part.shard, laplacian_entries(backend.comm(), part.shard, {}));
        Posterior of_part = encode(input, part.kept_rows, graph);
        release_counts(data, part.kept_rows);
        if (groups == 1) return of_part;
        if (!all.mean.defined()) {
            all = of_part;
            all.mean = of_part.mean.new_empty({data.num_rows(), of_part.mean.size(1)});
            all.log_variance = torch::empty_like(all.mean);
        }
        const torch::Tensor rows = backend.tensor(part.kept_rows).to(torch::kInt64);
        all.mean.index_copy_(0, rows, of_part.mean);
        all.log_variance.index_copy_(0, rows, of_part.log_variance);
    }
    return all;
}

}  // namespace lapatlas
