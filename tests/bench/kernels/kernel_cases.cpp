#include "tests/bench/kernels/kernel_cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>

#include "src/decode/count_likelihood.hpp"
#include "src/decode/count_sampling.hpp"
#include "src/embed/sparse_kernels.hpp"
#include "src/graph/nearest_lists.hpp"
#include "src/random/philox.hpp"

namespace lapatlas::bench {

namespace {

constexpr std::int64_t kRows = 256, kGenes = 2000, kWidth = 128, kEntries = 600, kDegree = 24;
constexpr std::int64_t kPoints = 512, kDimensions = 50, kNeighbours = 24;

const PlacedRandom& random_source() {
    static const PlacedRandom source(11, RandomStream::kKmeans);
    return source;
}

std::vector<float> normals(std::int64_t count, std::uint32_t stamp) {
    std::vector<double> wide(static_cast<std::size_t>(count));
    random_source().fill_normals(stamp, 1, wide.data(), count);
    return {wide.begin(), wide.end()};
}

/// FNV-1a.
template <class T>
std::uint64_t digest_of(const std::vector<T>& values, std::uint64_t hash = 0xcbf29ce484222325u) {
    for (const unsigned char byte :
         std::span(reinterpret_cast<const unsigned char*>(values.data()), values.size() * sizeof(T)))
        hash = (hash ^ byte) * 0x100000001b3u;
    return hash;
}

std::string differs(const char* what, double seen, double wanted, double tolerance) {
    if (std::abs(seen - wanted) <= tolerance) return {};
    return std::string(what) + ": " + std::to_string(seen) + " for " + std::to_string(wanted);
}

/// Every gene has its own chance of being seen, as in data: a few in most cells, most in few.
std::shared_ptr<SparseInput> sparse_rows(std::int64_t rows) {
    auto x = std::make_shared<SparseInput>();
    x->num_rows = rows;
    x->num_genes = kGenes;
    x->row_offsets.push_back(0);
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t g = 0; g < kGenes; ++g) {
            const double rank = static_cast<double>(g * 769 % kGenes + 1) / static_cast<double>(kGenes);
            const double chance = std::min(
                1.0, 0.5 * static_cast<double>(kEntries) / static_cast<double>(kGenes) / std::sqrt(rank));
            if (random_source().uniform(static_cast<std::uint64_t>(r), static_cast<std::uint32_t>(g)) >=
                chance)
                continue;
            x->gene_indices.push_back(static_cast<std::int32_t>(g));
            x->values.push_back(static_cast<float>(1 + (r + g) % 5));
        }
        x->row_offsets.push_back(static_cast<std::int64_t>(x->values.size()));
    }
    order_by_gene(*x);
    return x;
}

double dot_of_row(const SparseInput& x, std::int64_t row, const std::vector<float>& w, std::int64_t column) {
    double sum = 0;
    for (auto e = static_cast<std::size_t>(x.row_offsets[static_cast<std::size_t>(row)]);
         e < static_cast<std::size_t>(x.row_offsets[static_cast<std::size_t>(row) + 1]); ++e)
        sum += static_cast<double>(x.values[e]) *
               static_cast<double>(w[static_cast<std::size_t>(x.gene_indices[e] * kWidth + column)]);
    return sum;
}

KernelCase sparse_case(int scale) {
    const std::int64_t rows = kRows * scale;
    const auto x = sparse_rows(rows);
    const auto w = std::make_shared<std::vector<float>>(normals(kGenes * kWidth, 1));
    const auto out = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows * kWidth));
    const auto entries = static_cast<double>(x->values.size());
    return {"sparse_times_dense",
            std::to_string(rows) + " cells, " + std::to_string(x->values.size()) + " counts, width 128",
            2 * entries * kWidth,
            8 * entries + 4.0 * static_cast<double>(kGenes + rows) * kWidth,
            [=] { sparse_times_dense(*x, w->data(), kWidth, out->data()); },
            [=] {
                for (const std::int64_t r : {std::int64_t{0}, rows - 1})
                    for (const std::int64_t j : {std::int64_t{0}, kWidth - 1})
                        if (auto wrong = differs("row", (*out)[static_cast<std::size_t>(r * kWidth + j)],
                                                 dot_of_row(*x, r, *w, j), 1e-2);
                            !wrong.empty())
                            return wrong;
                return std::string();
            },
            [=] { return digest_of(*out); }};
}

KernelCase transposed_case(int scale) {
    const std::int64_t rows = kRows * scale;
    const auto x = sparse_rows(rows);
    const auto y = std::make_shared<std::vector<float>>(normals(rows * kWidth, 2));
    const auto out = std::make_shared<std::vector<float>>(static_cast<std::size_t>(kGenes * kWidth));
    const auto entries = static_cast<double>(x->values.size());
    return {"transposed_sparse_times_dense",
            std::to_string(rows) + " cells, " + std::to_string(x->values.size()) + " counts, width 128",
            2 * entries * kWidth,
            8 * entries + 4.0 * static_cast<double>(kGenes + rows) * kWidth,
            [=] { transposed_sparse_times_dense(*x, y->data(), kWidth, out->data()); },
            [=] {
                constexpr std::int64_t kGene = 1234, kColumn = 77;
                double sum = 0;
                for (std::int64_t r = 0; r < rows; ++r)
                    for (auto e = static_cast<std::size_t>(x->row_offsets[static_cast<std::size_t>(r)]);
                         e < static_cast<std::size_t>(x->row_offsets[static_cast<std::size_t>(r) + 1]); ++e)
                        if (x->gene_indices[e] == kGene)
                            sum += static_cast<double>(x->values[e]) *
                                   static_cast<double>((*y)[static_cast<std::size_t>(r * kWidth + kColumn)]);
                return differs("gene", (*out)[kGene * kWidth + kColumn], sum, 1e-2);
            },
            [=] { return digest_of(*out); }};
}

KernelCase laplacian_case(int scale) {
    const std::int64_t rows = 2 * kRows * scale;
    struct Graph {
        std::vector<std::int32_t> rows, columns;
        std::vector<std::int64_t> offsets{0};
        std::vector<float> weights, in, out;
    };
    const auto graph = std::make_shared<Graph>();
    graph->rows.resize(static_cast<std::size_t>(rows));
    std::iota(graph->rows.begin(), graph->rows.end(), 0);
    for (std::int64_t r = 0; r < rows; ++r) {
        // Neighbours are near in the order of clusters.
        for (std::uint32_t j = 0; j < kDegree; ++j)
            graph->columns.push_back(static_cast<std::int32_t>(
                (r +
                 static_cast<std::int64_t>(random_source().uniform(static_cast<std::uint64_t>(r), j) * 512)) %
                rows));
        std::sort(graph->columns.end() - kDegree, graph->columns.end());
        graph->offsets.push_back(static_cast<std::int64_t>(graph->columns.size()));
    }
    graph->weights = normals(rows * kDegree, 3);
    graph->in = normals(rows * kWidth, 4);
    graph->out.resize(static_cast<std::size_t>(rows * kWidth));
    const auto edges = static_cast<double>(graph->columns.size());
    return {"weighted_neighbour_sum",
            std::to_string(rows) + " cells, " + std::to_string(graph->columns.size()) + " edges, width 128",
            2 * edges * kWidth,
            8 * edges + 8.0 * static_cast<double>(rows) * kWidth,
            [=] {
                weighted_neighbour_sum(graph->rows, graph->offsets, graph->columns, graph->weights,
                                       graph->in.data(), kWidth, 2, nullptr, nullptr, graph->out.data());
            },
            [=] {
                const std::int64_t row = rows / 2;
                double sum = 0;
                for (auto e = static_cast<std::size_t>(row * kDegree);
                     e < static_cast<std::size_t>((row + 1) * kDegree); ++e)
                    sum += 2 * static_cast<double>(graph->weights[e]) *
                           static_cast<double>(
                               graph->in[static_cast<std::size_t>(graph->columns[e] * kWidth + 5)]);
                return differs("row", graph->out[static_cast<std::size_t>(row * kWidth + 5)], sum, 1e-3);
            },
            [=] { return digest_of(graph->out); }};
}

KernelCase likelihood_case(int scale) {
    const std::int64_t rows = kRows * scale / 4;
    struct Data {
        std::shared_ptr<SparseInput> x;
        std::vector<SparseCounts> counts;
        std::vector<float> library, logits, gradient, work;
        CountLikelihood model;
        LikelihoodSums sums;
    };
    const auto data = std::make_shared<Data>();
    data->x = sparse_rows(rows);
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t first = data->x->row_offsets[static_cast<std::size_t>(r)];
        data->counts.push_back({data->x->gene_indices.data() + first, data->x->values.data() + first,
                                data->x->row_offsets[static_cast<std::size_t>(r) + 1] - first});
        data->library.push_back(2500);
    }
    data->logits = normals(rows * kGenes, 5);
    data->gradient = data->logits;
    data->work.resize(data->logits.size());
    data->model.genes = kGenes;
    data->model.dispersion.assign(kGenes, 2.0F);
    const auto rates = static_cast<double>(rows * kGenes);
    return {"likelihood_and_gradient",
            std::to_string(rows) + " cells, 2000 genes, negative binomial",
            45 * rates,  // an exponential, a logarithm, the softmax and the gradient, counted in the source
            8 * rates,
            [=] {
                data->gradient = data->logits;
                data->sums = {};
                data->sums.dispersion_gradient.assign(kGenes, 0);
                likelihood_and_gradient(data->model, data->counts, data->library, {}, 1,
                                        data->gradient.data(), data->work.data(), data->sums);
            },
            [=] {
                double wanted = 0;
                for (std::int64_t r = 0; r < rows; ++r) {
                    const float* logits = data->logits.data() + r * kGenes;
                    double total = 0;
                    for (std::int64_t g = 0; g < kGenes; ++g)
                        total += std::exp(static_cast<double>(logits[g]));
                    std::vector<double> count(kGenes, 0);
                    const SparseCounts& cell = data->counts[static_cast<std::size_t>(r)];
                    for (std::int64_t e = 0; e < cell.size; ++e)
                        count[static_cast<std::size_t>(cell.genes[e])] = static_cast<double>(cell.values[e]);
                    for (std::int64_t g = 0; g < kGenes; ++g) {
                        const double mean = 2500 * std::exp(static_cast<double>(logits[g])) / total;
                        const double theta = 2, x = count[static_cast<std::size_t>(g)];
                        wanted -= std::lgamma(x + theta) - std::lgamma(theta) - std::lgamma(x + 1) -
                                  theta * std::log1p(mean / theta) - x * std::log1p(theta / mean);
                    }
                }
                return differs("likelihood", data->sums.negative_log_likelihood / wanted, 1, 1e-5);
            }};
}

KernelCase draws_case(int scale) {
    const std::int64_t rows = kRows * scale / 4;
    struct Data {
        std::vector<float> log_rates, theta, counts;
        std::vector<std::int32_t> genes;
    };
    const auto data = std::make_shared<Data>();
    data->log_rates = normals(kGenes, 6);
    for (float& rate : data->log_rates) rate = 1.5F * rate - 1.5F;
    data->theta.assign(kGenes, 2.0F);
    const auto rates = static_cast<double>(rows * kGenes);
    return {"sample_counts_row",
            std::to_string(rows) + " cells, 2000 genes, negative binomial",
            30 * rates,  // a Philox word, an exponential and a comparison for most
            4 * rates,
            [=] {
                data->genes.clear();
                data->counts.clear();
                for (std::int64_t r = 0; r < rows; ++r)
                    sample_counts_row(data->log_rates, 0, data->theta, {3, r}, data->genes, data->counts);
            },
            [=] {
                double wanted = 0, variance = 0;
                for (const float rate : data->log_rates) {
                    const double mean = std::exp(static_cast<double>(rate));
                    wanted += mean;
                    variance += mean + mean * mean / 2;
                }
                const double seen = std::accumulate(data->counts.begin(), data->counts.end(), 0.0);
                const auto cells = static_cast<double>(rows);
                return differs("mean total", seen / cells, wanted, 5 * std::sqrt(variance / cells));
            },
            [=] { return digest_of(data->counts, digest_of(data->genes)); }};
}

KernelCase neighbours_case(int scale) {
    const std::int64_t points = kPoints * scale;
    struct Data {
        std::vector<double> coordinates;
        std::vector<std::int64_t> ids;
        std::unique_ptr<SearchPoints> queries, base;
        std::unique_ptr<NearestLists> lists;
    };
    const auto data = std::make_shared<Data>();
    const std::vector<float> drawn = normals(points * kDimensions, 7);
    data->coordinates.assign(drawn.begin(), drawn.end());
    data->ids.resize(static_cast<std::size_t>(points));
    std::iota(data->ids.begin(), data->ids.end(), 0);
    data->queries =
        std::make_unique<SearchPoints>(data->coordinates, data->ids, kDimensions, SearchPoints::Role::kQuery);
    data->base =
        std::make_unique<SearchPoints>(data->coordinates, data->ids, kDimensions, SearchPoints::Role::kBase);
    const auto pairs = static_cast<double>(points) * static_cast<double>(points);
    return {"nearest_neighbour_search",
            std::to_string(points) + " points with all, 50 dimensions, 24 kept",
            2 * pairs * (kDimensions + 1),
            8.0 * static_cast<double>(points * (kDimensions + 1)),
            [=] {
                data->lists = std::make_unique<NearestLists>(points, kNeighbours);
                search(*data->queries, 0, points, *data->base, 0, points, {}, *data->lists);
            },
            [=] {
                const std::int64_t query = points / 3;
                double nearest = 1e300;
                for (std::int64_t other = 0; other < points; ++other)
                    if (other != query)
                        nearest =
                            std::min(nearest, squared_distance(data->coordinates.data() + query * kDimensions,
                                                               data->coordinates.data() + other * kDimensions,
                                                               kDimensions));
                return differs("nearest", data->lists->of(query)[0].distance, nearest, 0);
            }};
}

}  // namespace

std::vector<KernelCase> kernel_cases(int scale) {
    return {sparse_case(scale),     transposed_case(scale), laplacian_case(scale),
            likelihood_case(scale), draws_case(scale),      neighbours_case(scale)};
}

}  // namespace lapatlas::bench
