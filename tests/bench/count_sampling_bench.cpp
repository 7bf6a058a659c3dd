#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "src/decode/count_sampling.hpp"
#include "src/random/philox.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

namespace {

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Log rates of a cell with 2,500 counts whose gene means spread as those of PBMC (log-normal, sd 2).
std::vector<float> typical_log_rates(std::int64_t num_genes) {
    const PlacedRandom random(1, RandomStream::kSimulate);
    std::vector<float> log_rates;
    for (std::int64_t g = 0; g < num_genes; ++g)
        log_rates.push_back(static_cast<float>(2 * random.normals(static_cast<std::uint64_t>(g))[0]));
    const auto shift = static_cast<float>(std::log(2500.0) - log_sum_exp(log_rates));
    for (float& rate : log_rates) rate = std::min(rate + shift, 6.0f);
    return log_rates;
}

struct Outcome {
    double cells_a_second = 0;
    double counts_a_cell = 0;
    double positive_share = 0;
};

template <class DrawRow>
Outcome timed(std::int64_t num_genes, DrawRow&& draw_row) {
    constexpr double kSeconds = 1;
    std::vector<std::int32_t> genes;
    std::vector<float> counts;
    double total = 0, positive = 0;
    std::int64_t cells = 0;
    const double start = seconds_now();
    double elapsed = 0;
    for (; elapsed < kSeconds; elapsed = seconds_now() - start) {
        for (int i = 0; i < 50; ++i, ++cells) {
            genes.clear();
            counts.clear();
            draw_row(cells, genes, counts);
            positive += static_cast<double>(counts.size());
            for (const float count : counts) total += static_cast<double>(count);
        }
    }
    const auto n = static_cast<double>(cells);
    return {n / elapsed, total / n, positive / n / static_cast<double>(num_genes)};
}

/// Whether the mean total and the share of positive counts are those of the distribution.
bool is_right(const Outcome& outcome, const std::vector<float>& log_rates, double dispersion) {
    double total = 0, positive = 0;
    for (const float log_rate : log_rates) {
        const double mean = std::exp(static_cast<double>(log_rate));
        total += mean;
        positive -= std::expm1(dispersion > 0 ? -dispersion * std::log1p(mean / dispersion) : -mean);
    }
    positive /= static_cast<double>(log_rates.size());
    return std::abs(outcome.counts_a_cell / total - 1) < 0.01 &&
           std::abs(outcome.positive_share / positive - 1) < 0.01;
}

}  // namespace

int counts(const Communicator& /*comm*/, const std::vector<std::string>& /*arguments*/) {
    std::printf("%8s  %-22s  %12s  %8s\n", "genes", "sampler", "cells/s", "positive");
    for (const std::int64_t num_genes : {2000, 8573, 30000}) {
        const std::vector<float> log_rates = typical_log_rates(num_genes);
        const std::vector<float> theta(static_cast<std::size_t>(num_genes), 2.0f);
        const auto ours = [&](const std::vector<float>& dispersions) {
            return timed(num_genes, [&](std::int64_t cell, std::vector<std::int32_t>& genes,
                                        std::vector<float>& counts) {
                sample_counts_row(log_rates, 0, dispersions, {7, cell}, genes, counts);
            });
        };
        std::mt19937_64 engine(1);
        const Outcome library = timed(num_genes, [&](std::int64_t, std::vector<std::int32_t>& genes,
                                                     std::vector<float>& counts) {
            for (std::size_t g = 0; g < log_rates.size(); ++g) {
                std::poisson_distribution<std::int32_t> poisson(std::exp(static_cast<double>(log_rates[g])));
                const std::int32_t count = poisson(engine);
                if (count == 0) continue;
                genes.push_back(static_cast<std::int32_t>(g));
                counts.push_back(static_cast<float>(count));
            }
        });
        struct Line {
            const char* name;
            Outcome outcome;
            double dispersion;
        };
        for (const Line& line : {Line{"Poisson", ours({}), 0}, Line{"negative binomial", ours(theta), 2},
                                 Line{"std::poisson", library, 0}}) {
            if (!is_right(line.outcome, log_rates, line.dispersion)) {
                std::printf("%s of %lld genes: the draws have the wrong mean\n", line.name,
                            static_cast<long long>(num_genes));
                return 1;
            }
            std::printf("%8lld  %-22s  %12.0f  %8.3f\n", static_cast<long long>(num_genes), line.name,
                        line.outcome.cells_a_second, line.outcome.positive_share);
        }
    }
    return 0;
}

}  // namespace lapatlas::bench
