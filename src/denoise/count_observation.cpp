#include "src/denoise/count_observation.hpp"

#include <algorithm>
#include <numeric>

namespace lapatlas {

namespace {

/// Rates below are taken for this, so that a count where none is expected costs much, not everything.
constexpr double kLowestRate = 1e-8;

struct Rates {
    torch::Tensor rate;   // [rows, genes]
    torch::Tensor slope;  // d rate / d y
};

torch::Tensor expression_at(const CountObservation& observation, const torch::Tensor& latents) {
    return torch::addmm(observation.offsets, latents, observation.loadings);
}

Rates rates_at(const CountObservation& observation, const torch::Tensor& sizes, const torch::Tensor& latents,
               bool with_slope) {
    const torch::Tensor y = expression_at(observation, latents), scale = sizes.unsqueeze(1);
    Rates rates;
    rates.rate = (scale * unit_rates(observation.readout, y)).clamp_min(kLowestRate);
    if (with_slope) rates.slope = scale * unit_rate_slopes(observation.readout, y);
    return rates;
}

double size_of(const SparseCounts& cell, double target_sum) {
    if (target_sum <= 0) return 1;
    return std::accumulate(cell.values, cell.values + cell.size, 0.0) / target_sum;
}

}  // namespace

ObservedCells observed_cells(const Backend& backend, const CountMatrix& counts,
                             std::span<const std::int32_t> used, std::int64_t begin, std::int64_t end,
                             std::int64_t repeats, double target_sum) {
    const std::int64_t cells = end - begin, genes = std::ssize(used);
    std::vector<float> dense(static_cast<std::size_t>(cells * genes), 0), sizes;
    for (std::int64_t c = 0; c < cells; ++c) {
        const SparseCounts cell = row_of(counts, begin + c);
        sizes.push_back(static_cast<float>(size_of(cell, target_sum)));
        auto place = used.begin();
        for (std::int64_t i = 0; i < cell.size && place != used.end(); ++i) {
            place = std::lower_bound(place, used.end(), cell.genes[i]);
            if (place != used.end() && *place == cell.genes[i])
                dense[static_cast<std::size_t>(c * genes + (place - used.begin()))] = cell.values[i];
        }
    }
    const auto repeated = [&](const torch::Tensor& rows) { return rows.repeat_interleave(repeats, 0); };
    return {repeated(backend.tensor(dense).reshape({cells, genes})), repeated(backend.tensor(sizes))};
}

torch::Tensor count_log_likelihood(const CountObservation& observation, const ObservedCells& cells,
                                   const torch::Tensor& latents) {
    const torch::Tensor rate = rates_at(observation, cells.sizes, latents, false).rate;
    const torch::Tensor& phi = observation.readout.overdispersion;
    if (!phi.defined()) return (torch::xlogy(cells.counts, rate) - rate).sum(1);
    return (torch::xlogy(cells.counts, rate) - (cells.counts + phi.reciprocal()) * torch::log1p(phi * rate))
        .sum(1);
}

CountEvidence count_evidence(const CountObservation& observation, const ObservedCells& cells,
                             const torch::Tensor& latents) {
    const auto [rate, slope] = rates_at(observation, cells.sizes, latents, true);
    torch::Tensor variance = rate;
    if (observation.readout.overdispersion.defined())
        variance = rate * (1 + observation.readout.overdispersion * rate);
    const torch::Tensor weight = slope / variance;
    const torch::Tensor to_latents = observation.loadings.t();  // [genes, k]
    const std::int64_t k = to_latents.size(1);
    // V^T diag(w) V of every row is one product with the columns of V multiplied pair by pair.
    const torch::Tensor pairs = (to_latents.unsqueeze(2) * to_latents.unsqueeze(1)).flatten(1);
    return {torch::mm((cells.counts - rate) * weight, to_latents),
            torch::mm(weight * slope, pairs).reshape({latents.size(0), k, k})};
}

CountObservation fit_count_observation(const Backend& backend, const ReferenceSpace& space,
                                       const SharedGenes& shared, const DenoiseOptions& options,
                                       double target_sum) {
    const std::int64_t genes = space.pca.num_genes, k = space.pca.num_components;
    const torch::NoGradGuard no_grad;
    std::vector<float> offsets, loadings;
    for (std::size_t g = 0; g < static_cast<std::size_t>(genes); ++g) {
        offsets.push_back(static_cast<float>(space.pca.mean[g] * space.scale.deviation[g]));
        for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j)
            loadings.push_back(static_cast<float>(space.pca.loadings[g * static_cast<std::size_t>(k) + j] *
                                                  space.scale.deviation[g]));
    }
    CountObservation observation;
    observation.loadings = backend.tensor(loadings).reshape({genes, k}).t().contiguous();
    observation.offsets = backend.tensor(offsets);
    const auto blocks = [&](const std::function<void(const ReadoutBlock&)>& visit) {
        const std::int64_t cells = shared.reference.num_rows(), a_block = backend.block_cells();
        for (std::int64_t begin = 0; begin < cells; begin += a_block) {
            const std::int64_t end = std::min(cells, begin + a_block);
            const ObservedCells block =
                observed_cells(backend, shared.reference, shared.used, begin, end, 1, target_sum);
            const std::vector<float> values(space.latents.begin() + begin * k,
                                            space.latents.begin() + end * k);
            const torch::Tensor latents = backend.tensor(values).reshape({end - begin, k});
            visit({block.counts, expression_at(observation, latents), block.sizes});
        }
    };
    observation.readout = fit_readout(backend.comm(), genes, backend.device(), blocks,
                                      options.likelihood == "negative_binomial");
    return observation;
}

}  // namespace lapatlas
