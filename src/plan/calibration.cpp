#include "src/plan/calibration.hpp"

#include <torch/torch.h>
#include <zlib.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "dist/timer.hpp"
#include "src/decode/block_sampling.hpp"
#include "src/decode/likelihood_pass.hpp"
#include "src/embed/encoder_input.hpp"
#include "src/embed/masked_input.hpp"
#include "src/graph/block_search.hpp"
#include "src/random/philox.hpp"
#include "src/simulate/simulator.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kCells = 512, kGenes = 4000, kDimensions = 50;
constexpr double kSeconds = 0.25;

/// `amount` a call over the seconds of the fastest of a few calls.
double rate(double amount, const std::function<void()>& call) {
    call();
    double fastest = 1e9;
    for (const Timer whole; whole.seconds() < kSeconds;) {
        const Timer timer;
        call();
        fastest = std::min(fastest, timer.seconds());
    }
    return amount / fastest;
}

double graph_speed(std::int64_t hidden) {
    // As far apart as the neighbours of an ordered atlas: within some thousands of rows.
    constexpr std::int64_t kRows = 8192, kDegree = 24;
    const PlacedRandom random(1, RandomStream::kKmeans);
    std::vector<std::int32_t> rows(kRows), columns;
    std::iota(rows.begin(), rows.end(), 0);
    std::vector<std::int64_t> offsets{0};
    for (std::int64_t row = 0; row < kRows; ++row) {
        for (std::uint32_t j = 0; j < kDegree; ++j)
            columns.push_back(
                static_cast<std::int32_t>(random.uniform(static_cast<std::uint64_t>(row), j) * kRows));
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    const std::vector<float> weights(columns.size(), 0.1F);
    const torch::Tensor in = torch::ones({kRows, hidden}), out = torch::empty_like(in);
    return rate(static_cast<double>(columns.size()) * static_cast<double>(hidden), [&] {
        weighted_neighbour_sum(rows, offsets, columns, weights, in.data_ptr<float>(), hidden, 1, nullptr,
                               nullptr, out.data_ptr<float>());
    });
}

double compression_speed(const CountMatrix& counts) {
    const uLong bytes = counts.values.size() * sizeof(float);
    std::vector<Bytef> packed(compressBound(bytes));
    // One chunk after the other by one thread a rank, as HDF5 does it: indices compress worse than counts.
    const auto pack = [&](const void* from) {
        uLongf size = packed.size();
        compress2(packed.data(), &size, static_cast<const Bytef*>(from), bytes, 1);
    };
    return rate(2.0 * static_cast<double>(bytes), [&] {
        pack(counts.values.data());
        pack(counts.gene_indices.data());
    });
}

double distance_speed() {
    constexpr std::int64_t kPoints = 4096, kKept = 15;
    const PlacedRandom random(1, RandomStream::kKmeans);
    std::vector<double> points(static_cast<std::size_t>(kPoints * kDimensions));
    std::vector<std::int64_t> ids(static_cast<std::size_t>(kPoints));
    std::iota(ids.begin(), ids.end(), 0);
    for (std::int64_t i = 0; i < kPoints; ++i)
        random.fill_normals(static_cast<std::uint64_t>(i), 0, points.data() + i * kDimensions, kDimensions);
    const SearchPoints queries(points, ids, kDimensions, SearchPoints::Role::kQuery);
    return rate(static_cast<double>(kPoints * kPoints), [&] {
        NearestLists lists(kPoints, kKept);
        cpu_block_search().offer_block(
            queries, points, 0, [] {}, lists);
    });
}

}  // namespace

MachineSpeed measure_machine(std::int64_t hidden) {
    const torch::NoGradGuard no_grad;
    SimulateOptions options;
    options.genes = kGenes;
    options.types = 2;
    const CountMatrix counts = simulate_block(options, 1, 0, kCells).counts;
    const auto width = static_cast<double>(hidden), entries = static_cast<double>(counts.num_nonzeros());
    MachineSpeed speed;

    const torch::Tensor cells = torch::ones({kCells, hidden}), layer = torch::ones({hidden, kGenes});
    const torch::Tensor logits = torch::empty({kCells, kGenes});
    speed.dense = rate(2.0 * kCells * kGenes * width, [&] {
        torch::Tensor out = logits;
        torch::mm_out(out, cells, layer);
    });

    std::vector<std::int32_t> all_rows(kCells);
    std::iota(all_rows.begin(), all_rows.end(), 0);
    const auto input = make_sparse_encoder_input(masked_input(MatrixRows(counts), all_rows, {}, {}));
    const torch::Tensor weight = torch::ones({kGenes, hidden}), encoded = torch::empty({kCells, hidden});
    const torch::Tensor gradient = torch::empty_like(weight);
    speed.sparse = rate(2 * entries * width, [&] {
        input->times(weight, encoded);
        input->transposed_times(encoded, gradient);
    });
    speed.graph = graph_speed(hidden);

    const auto seen = make_host_cell_counts(counts, std::vector<float>(kCells, 2500));
    const LikelihoodModel model{kGenes, true, torch::ones({1, kGenes})};
    const double rates = static_cast<double>(kCells * kGenes);
    speed.likelihood = rate(rates, [&] {
        logits.fill_(0.1);
        const auto pass = seen->likelihood_pass(model, {});
        pass->add(0, logits, true);
    });

    // Log rates as skewed as genes are: most are zero.
    const torch::Tensor profile = 2 * torch::sin(torch::arange(kGenes) * 1.7F) - 1;
    speed.draws = rate(rates, [&] {
        logits.copy_(profile.unsqueeze(0).expand({kCells, kGenes}));
        draw_block({.logits = logits,
                    .cells = kCells,
                    .dispersion = model.dispersion,
                    .dispersion_rows = {},
                    .seed = 1,
                    .first_cell = 0,
                    .log_offset = [](std::int64_t, double log_total) {
                        return static_cast<float>(std::log(2500.0) - log_total);
                    }});
    });
    speed.distances = distance_speed();
    speed.compression = compression_speed(counts);
    return speed;
}

}  // namespace lapatlas
