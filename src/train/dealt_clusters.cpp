#include "src/train/dealt_clusters.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "src/random/philox.hpp"
#include "src/train/schedule.hpp"

namespace lapatlas {

namespace {

/// Clusters that a step takes of one stretch: of so few stretches that neighbours still meet in a step.
constexpr std::int64_t kClustersOfAStretch = 4;

}  // namespace

DealtClusters::DealtClusters(const RankData& data, const TrainOptions& options, std::uint64_t seed)
    : data_(data),
      steps_(lapatlas::steps_a_pass(options, static_cast<double>(data.summary.num_train),
                                    data.map.num_clusters())),
      steps_an_epoch_(lapatlas::steps_an_epoch(options, static_cast<double>(data.summary.num_train),
                                               data.map.num_clusters())),
      seed_(seed) {}

std::vector<std::uint8_t> DealtClusters::of_step(std::int64_t step) const {
    const std::int64_t clusters = data_.map.num_clusters();
    std::vector<std::uint8_t> active(static_cast<std::size_t>(clusters), steps_ == 1 ? 1 : 0);
    if (steps_ == 1) return active;
    const std::int64_t pass = step / steps_, place = step % steps_;
    const std::int64_t stretches = std::max<std::int64_t>(1, clusters / steps_ / kClustersOfAStretch);
    const PlacedRandom random(seed_, RandomStream::kClusterChoice);
    std::vector<std::tuple<double, std::int64_t, std::int64_t>>
        order;  // place in the stretch, stretch, cluster
    for (std::int64_t stretch = 0; stretch < stretches; ++stretch) {
        std::vector<std::pair<double, std::int64_t>> shuffled;
        for (std::int64_t c = stretch * clusters / stretches; c < (stretch + 1) * clusters / stretches; ++c)
            shuffled.emplace_back(
                random.uniform(static_cast<std::uint64_t>(c), static_cast<std::uint32_t>(pass)), c);
        std::sort(shuffled.begin(), shuffled.end());
        for (std::size_t i = 0; i < shuffled.size(); ++i)
            order.emplace_back(static_cast<double>(i) / static_cast<double>(shuffled.size()), stretch,
                               shuffled[i].second);
    }
    std::sort(order.begin(), order.end());
    for (std::int64_t i = place * clusters / steps_; i < (place + 1) * clusters / steps_; ++i)
        active[static_cast<std::size_t>(std::get<2>(order[static_cast<std::size_t>(i)]))] = 1;
    return active;
}

void DealtClusters::read_ahead(int rank, std::int64_t step) const {
    if (!data_.counts.has_entries_in_files()) return;
    for (const std::int64_t wanted : {step, step + 1})
        prefetch_counts(data_, training_rows_of(data_, rank, of_step(wanted)));
}

void DealtClusters::give_up(int rank, std::int64_t step) const {
    if (!data_.counts.has_entries_in_files()) return;
    release_counts(data_, training_rows_of(data_, rank, of_step(step)));
}

}  // namespace lapatlas
