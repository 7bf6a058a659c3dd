#include "src/train/encode.hpp"

#include <algorithm>

#include "dist/error.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/train/schedule.hpp"

namespace lapatlas {

namespace {

/// Stretches of neighbouring clusters in a group, at most: several, so that a group's cells lie on several
/// ranks.
constexpr std::int64_t kStretches = 8;

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
    ensure(options.batch != "auto", "the size of the data has decided train.batch");
    const RankData& data = placed.data();
    const Backend& backend = placed.backend();
    const std::int64_t clusters = data.map.num_clusters();
    const std::int64_t groups = steps_a_pass(options, static_cast<double>(data.summary.num_train), clusters);
    SpectralEncoder encoder = model.encoder;
    Posterior all;
    for (std::int64_t group = 0; group < groups; ++group) {
        const InducedShard part = induce(data.full_graph, data.map,
                                         clusters_of_group(clusters, groups, group), data.heldout_clusters);
        prefetch_counts(data, part.kept_rows);
        const auto input = placed.inputs(part.kept_rows, {mask_fraction, seed, 0});
        const auto graph =
            backend.graph_operator(part.shard, laplacian_entries(backend.comm(), part.shard, {}));
        Posterior of_part = encoder->forward(input, placed.encodings(part.kept_rows), graph);
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
