#include "src/denoise/harmony.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "dist/collectives.hpp"
#include "dist/exact_sum.hpp"
#include "dist/fnv1a.hpp"
#include "src/graph/kmeans.hpp"

namespace lapatlas {

namespace {

constexpr double kSigma = 0.1, kTheta = 2, kLambda = 1;
constexpr double kCellsOfCluster = 30;
constexpr std::int64_t kMostClusters = 100;
constexpr int kMostPasses = 10, kMostRounds = 20;
constexpr double kPassTolerance = 1e-4, kRoundTolerance = 1e-5;
/// Memberships are made anew for a twentieth of the cells at a time, the others' counts of batches standing.
constexpr std::size_t kBlocks = 20;

/// Collective. What `add_cell(cell, add)` adds up by add(where, term) over the local cells and ranks, where
/// no sum of absolute terms is above `bound`.
template <class AddCell>
std::vector<double> exact_sums(const Communicator& comm, std::size_t size, double bound, std::int64_t cells,
                               const AddCell& add_cell) {
    const SumGrid grid(bound);
    std::vector<double> sums(size, 0);
#pragma omp parallel
    {
        std::vector<double> own(size, 0);
        const auto add = [&](std::size_t where, double term) { own[where] += grid.round(term); };
#pragma omp for schedule(static) nowait
        for (std::int64_t cell = 0; cell < cells; ++cell) add_cell(static_cast<std::size_t>(cell), add);
#pragma omp critical
        for (std::size_t i = 0; i < size; ++i) sums[i] += own[i];
    }
    all_reduce_sum(comm, std::span<double>(sums));
    return sums;
}

/// Collective. Of all ranks' values, without their signs.
double largest_of(const Communicator& comm, std::span<const double> values) {
    double largest = 0;
    for (const double x : values) largest = std::max(largest, std::abs(x));
    return all_reduce_max(comm, largest);
}

void make_unit(std::span<double> row) {
    double squares = 0;
    for (const double x : row) squares += x * x;
    if (squares > 0)
        for (double& x : row) x /= std::sqrt(squares);
}

std::vector<double> unit_rows(std::span<const double> points, std::size_t width) {
    std::vector<double> rows(points.begin(), points.end());
    for (std::size_t at = 0; at < rows.size(); at += width) make_unit(std::span(rows).subspan(at, width));
    return rows;
}

/// Squared distance of two rows of unit length.
double distance(const double* a, const double* b, std::size_t width) {
    double product = 0;
    for (std::size_t i = 0; i < width; ++i) product += a[i] * b[i];
    return 2 * (1 - product);
}

/// Memberships [clusters] of a cell of unit length, times factor(cluster), to sum to one.
template <class Factor>
void set_memberships(const double* unit, const std::vector<double>& centroids, std::size_t width,
                     std::span<double> memberships, const Factor& factor) {
    double nearest = 4;
    for (std::size_t k = 0; k < memberships.size(); ++k) {
        memberships[k] = distance(unit, &centroids[k * width], width);
        nearest = std::min(nearest, memberships[k]);
    }
    double total = 0;
    for (std::size_t k = 0; k < memberships.size(); ++k) {
        memberships[k] = std::exp((nearest - memberships[k]) / kSigma) * factor(k);
        total += memberships[k];
    }
    for (double& membership : memberships) membership /= total;
}

/// A cluster's regression of cells on 1 and the batch, the batch's coefficients with a ridge: with weights
/// w_b and weighted sums t_b of the batches, and of cells without a batch, a = (t_0 + sum_b l t_b / (w_b +
/// l)) / (w_0 + sum_b l w_b / (w_b + l)) and batch b adds (t_b - w_b a) / (w_b + l).
struct Regression {
    double numerator, denominator;
    void see(double weight, double sum) {
        numerator += kLambda * sum / (weight + kLambda);
        denominator += kLambda * weight / (weight + kLambda);
    }
    double added(double weight, double sum) const {
        return denominator > 0 ? (sum - weight * numerator / denominator) / (weight + kLambda) : 0;
    }
};

class SoftClusters {
  public:
    SoftClusters(const Communicator& comm, std::span<const double> points, std::int64_t width,
                 std::span<const std::int32_t> batches, std::int64_t num_batches, std::uint64_t seed)
        : comm_(comm),
          points_(points),
          batches_(batches),
          width_(static_cast<std::size_t>(width)),
          num_batches_(static_cast<std::size_t>(num_batches)),
          cells_(std::ssize(batches)),
          all_cells_(static_cast<double>(all_reduce_sum(comm, cells_))),
          num_clusters_(static_cast<std::size_t>(std::clamp(std::llround(all_cells_ / kCellsOfCluster), 1LL,
                                                            static_cast<long long>(kMostClusters)))),
          corrected_(points.begin(), points.end()),
          unit_(unit_rows(points, width_)),
          memberships_(static_cast<std::size_t>(cells_) * num_clusters_) {
        largest_ = largest_of(comm, points);
        const std::int64_t first = exclusive_sum(comm, cells_);
        for (std::int64_t cell = 0; cell < cells_; ++cell) {
            const std::int64_t id = first + cell;
            block_of_.push_back(fnv1a(std::span<const std::int64_t>(&id, 1)) % kBlocks);
            blocks_[block_of_.back()].push_back(static_cast<std::size_t>(cell));
        }
        const std::vector<double> sizes =
            exact_sums(comm, num_batches_, all_cells_, cells_,
                       [&](std::size_t cell, const auto& add) { add(batch(cell), 1); });
        for (const double size : sizes) shares_.push_back(size / all_cells_);

        centroids_ = kmeans_centroids(comm, unit_, width, static_cast<std::int64_t>(num_clusters_), seed);
        for (std::size_t k = 0; k < num_clusters_; ++k)
            make_unit(std::span(centroids_).subspan(k * width_, width_));
        for (std::size_t cell = 0; cell < static_cast<std::size_t>(cells_); ++cell)
            set_memberships(&unit_[cell * width_], centroids_, width_, memberships_of(cell),
                            [](std::size_t) { return 1.0; });
        counts_ = exact_sums(comm, num_clusters_ * num_batches_, all_cells_, cells_,
                             [&](std::size_t cell, const auto& add) { add_counts(cell, 0, add); });
    }

    /// Until the objective falls by less than a tolerance.
    double cluster() {
        unit_ = unit_rows(corrected_, width_);
        double before = objective();
        for (int round = 0; round < kMostRounds; ++round) {
            move_centroids();
            renew_memberships();
            const double now = objective();
            const bool converged = before - now < kRoundTolerance * std::abs(before);
            before = now;
            if (converged) break;
        }
        return before;
    }

    /// Takes from the points as they were given what their batches add in their clusters.
    void correct() {
        if (num_batches_ == 1) return;
        const std::size_t of_cluster = num_batches_ * width_;
        const std::vector<double> sums =
            exact_sums(comm_, num_clusters_ * of_cluster, all_cells_ * largest_, cells_,
                       [&](std::size_t cell, const auto& add) {
                           for (std::size_t k = 0; k < num_clusters_; ++k)
                               for (std::size_t i = 0; i < width_; ++i)
                                   add(k * of_cluster + batch(cell) * width_ + i,
                                       memberships_of(cell)[k] * points_[cell * width_ + i]);
                       });
        std::vector<double> added(sums.size());
        for (std::size_t k = 0; k < num_clusters_; ++k)
            for (std::size_t i = 0; i < width_; ++i) {
                Regression regression{};
                const auto sum = [&](std::size_t b) { return sums[k * of_cluster + b * width_ + i]; };
                for (std::size_t b = 0; b < num_batches_; ++b) regression.see(count(k, b), sum(b));
                for (std::size_t b = 0; b < num_batches_; ++b)
                    added[k * of_cluster + b * width_ + i] = regression.added(count(k, b), sum(b));
            }
#pragma omp parallel for schedule(static)
        for (std::int64_t c = 0; c < cells_; ++c) {
            const auto cell = static_cast<std::size_t>(c);
            for (std::size_t i = 0; i < width_; ++i) {
                double taken = 0;
                for (std::size_t k = 0; k < num_clusters_; ++k)
                    taken += memberships_of(cell)[k] * added[k * of_cluster + batch(cell) * width_ + i];
                corrected_[cell * width_ + i] = points_[cell * width_ + i] - taken;
            }
        }
    }

    Harmonised result() const {
        AlignedClusters clusters{static_cast<std::int64_t>(width_), centroids_, {}, {}};
        for (std::size_t k = 0; k < num_clusters_; ++k) {
            clusters.weights.push_back(0);
            for (std::size_t b = 0; b < num_batches_; ++b) clusters.weights.back() += count(k, b);
        }
        clusters.sums = sums_by_membership(corrected_, largest_of(comm_, corrected_));
        return {corrected_, std::move(clusters)};
    }

  private:
    std::size_t batch(std::size_t cell) const { return static_cast<std::size_t>(batches_[cell]); }
    double count(std::size_t cluster, std::size_t batch) const {
        return counts_[cluster * num_batches_ + batch];
    }
    std::span<double> memberships_of(std::size_t cell) {
        return std::span(memberships_).subspan(cell * num_clusters_, num_clusters_);
    }
    std::span<const double> memberships_of(std::size_t cell) const {
        return std::span(memberships_).subspan(cell * num_clusters_, num_clusters_);
    }
    template <class Add>
    void add_counts(std::size_t cell, std::size_t from, const Add& add) const {
        for (std::size_t k = 0; k < num_clusters_; ++k)
            add(from + k * num_batches_ + batch(cell), memberships_of(cell)[k]);
    }

    /// [clusters, width] of rows [cells, width] with no value above `largest`.
    std::vector<double> sums_by_membership(const std::vector<double>& rows, double largest) const {
        return exact_sums(comm_, num_clusters_ * width_, all_cells_ * largest, cells_,
                          [&](std::size_t cell, const auto& add) {
                              for (std::size_t k = 0; k < num_clusters_; ++k)
                                  for (std::size_t i = 0; i < width_; ++i)
                                      add(k * width_ + i, memberships_of(cell)[k] * rows[cell * width_ + i]);
                          });
    }

    void move_centroids() {
        std::vector<double> sums = sums_by_membership(unit_, 1);
        for (std::size_t k = 0; k < num_clusters_; ++k)
            make_unit(std::span(sums).subspan(k * width_, width_));
        centroids_ = std::move(sums);
    }

    /// [clusters, batches] (E + 1)^theta / (O + 1)^theta: how much fewer of a batch a cluster has than it
    /// would have if batches were mixed everywhere as they are overall.
    std::vector<double> penalties() const {
        std::vector<double> all(counts_.size());
        for (std::size_t k = 0; k < num_clusters_; ++k) {
            double total = 0;
            for (std::size_t b = 0; b < num_batches_; ++b) total += count(k, b);
            for (std::size_t b = 0; b < num_batches_; ++b)
                all[k * num_batches_ + b] = std::pow((shares_[b] * total + 1) / (count(k, b) + 1), kTheta);
        }
        return all;
    }

    void renew_memberships() {
        const std::size_t size = counts_.size();
        const std::vector<double> old = exact_sums(
            comm_, kBlocks * size, all_cells_, cells_,
            [&](std::size_t cell, const auto& add) { add_counts(cell, block_of_[cell] * size, add); });
        for (std::size_t block = 0; block < kBlocks; ++block) {
            for (std::size_t i = 0; i < size; ++i) counts_[i] -= old[block * size + i];
            const std::vector<double> factors = penalties();
            const std::vector<double> renewed = exact_sums(
                comm_, size, all_cells_, std::ssize(blocks_[block]), [&](std::size_t place, const auto& add) {
                    const std::size_t cell = blocks_[block][place];
                    set_memberships(&unit_[cell * width_], centroids_, width_, memberships_of(cell),
                                    [&](std::size_t k) { return factors[k * num_batches_ + batch(cell)]; });
                    add_counts(cell, 0, add);
                });
            for (std::size_t i = 0; i < size; ++i) counts_[i] += renewed[i];
        }
    }

    /// Distances and entropies of memberships, and how far counts of batches are from those of a mixture.
    double objective() const {
        const std::vector<double> of_cells =
            exact_sums(comm_, 1, 8 * all_cells_, cells_, [&](std::size_t cell, const auto& add) {
                for (std::size_t k = 0; k < num_clusters_; ++k) {
                    const double r = memberships_of(cell)[k];
                    if (r <= 0) continue;
                    add(0, r * distance(&unit_[cell * width_], &centroids_[k * width_], width_) +
                               kSigma * r * std::log(r));
                }
            });
        double total = of_cells.front();
        const std::vector<double> factors = penalties();
        for (std::size_t i = 0; i < counts_.size(); ++i) total -= kSigma * counts_[i] * std::log(factors[i]);
        return total;
    }

    Communicator comm_;
    std::span<const double> points_;
    std::span<const std::int32_t> batches_;
    std::size_t width_, num_batches_;
    std::int64_t cells_;
    double all_cells_, largest_ = 0;
    std::size_t num_clusters_;
    std::vector<double> corrected_, unit_;  // [cells, width]
    std::vector<double> centroids_;         // [clusters, width]
    std::vector<double> memberships_;       // [cells, clusters] R
    std::vector<double> counts_;            // [clusters, batches] O
    std::vector<double> shares_;            // [batches] of all cells
    std::vector<std::size_t> block_of_;     // [cells]
    std::array<std::vector<std::size_t>, kBlocks> blocks_;
};

}  // namespace

Harmonised harmonise(const Communicator& comm, std::span<const double> points, std::int64_t width,
                     std::span<const std::int32_t> batches, std::int64_t num_batches, std::uint64_t seed) {
    SoftClusters clusters(comm, points, width, batches, num_batches, seed);
    double before = 0;
    for (int pass = 0; pass < kMostPasses; ++pass) {
        const double now = clusters.cluster();
        clusters.correct();
        if (pass > 0 && before - now < kPassTolerance * std::abs(before)) break;
        before = now;
    }
    return clusters.result();
}

std::vector<double> map_onto(const Communicator& comm, const AlignedClusters& clusters,
                             std::span<const double> points) {
    const auto width = static_cast<std::size_t>(clusters.width);
    const auto count = static_cast<std::size_t>(clusters.count());
    const std::int64_t cells = std::ssize(points) / clusters.width;
    const auto all_cells = static_cast<double>(all_reduce_sum(comm, cells));
    const double largest = std::max(1.0, largest_of(comm, points));

    const std::vector<double> unit = unit_rows(points, width);
    std::vector<double> memberships(static_cast<std::size_t>(cells) * count);
    // Of each cluster its weight and its sum.
    const std::vector<double> seen = exact_sums(
        comm, count * (1 + width), all_cells * largest, cells, [&](std::size_t cell, const auto& add) {
            const std::span<double> own = std::span(memberships).subspan(cell * count, count);
            set_memberships(&unit[cell * width], clusters.centroids, width, own,
                            [](std::size_t) { return 1.0; });
            for (std::size_t k = 0; k < count; ++k) {
                add(k * (1 + width), own[k]);
                for (std::size_t i = 0; i < width; ++i)
                    add(k * (1 + width) + 1 + i, own[k] * points[cell * width + i]);
            }
        });
    std::vector<double> added(count * width);
    for (std::size_t k = 0; k < count; ++k) {
        const double weight = seen[k * (1 + width)];
        for (std::size_t i = 0; i < width; ++i) {
            const double sum = seen[k * (1 + width) + 1 + i];
            Regression regression{clusters.sums[k * width + i], clusters.weights[k]};
            regression.see(weight, sum);
            added[k * width + i] = regression.added(weight, sum);
        }
    }
    std::vector<double> moved(points.begin(), points.end());
#pragma omp parallel for schedule(static)
    for (std::int64_t c = 0; c < cells; ++c) {
        const auto cell = static_cast<std::size_t>(c);
        for (std::size_t i = 0; i < width; ++i)
            for (std::size_t k = 0; k < count; ++k)
                moved[cell * width + i] -= memberships[cell * count + k] * added[k * width + i];
    }
    return moved;
}

}  // namespace lapatlas
