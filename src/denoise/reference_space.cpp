#include "src/denoise/reference_space.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dist/collectives.hpp"
#include "dist/exact_sum.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kMostForElbow = 50;

/// Keeps the first of the components.
void shorten(Pca& pca, std::int64_t components) {
    std::vector<double> loadings;
    for (std::int64_t gene = 0; gene < pca.num_genes; ++gene) {
        const auto row = pca.loadings.begin() + gene * pca.num_components;
        loadings.insert(loadings.end(), row, row + components);
    }
    pca.loadings = std::move(loadings);
    pca.singular_values.resize(static_cast<std::size_t>(components));
    pca.explained_variance.resize(static_cast<std::size_t>(components));
    pca.num_components = components;
}

}  // namespace

GeneScale gene_scale(const Communicator& comm, const ExpressionRows& reference, bool standardise,
                     double most) {
    const auto genes = static_cast<std::size_t>(reference.num_genes());
    GeneScale scale;
    scale.deviation.assign(genes, 1);
    scale.largest.assign(genes, std::numeric_limits<float>::max());
    if (!standardise) return scale;
    const std::int64_t rows = all_reduce_sum(comm, reference.num_rows());
    double largest = 0;
    RowBuffer buffer;
    const auto for_each_value = [&](const auto& visit) {
        for (std::int64_t r = 0; r < reference.num_rows(); ++r) {
            const SparseCounts cell = reference.row(r, buffer);
            for (std::int64_t i = 0; i < cell.size; ++i)
                visit(static_cast<std::size_t>(cell.genes[i]), static_cast<double>(cell.values[i]));
        }
    };
    for_each_value([&](std::size_t, double x) { largest = std::max(largest, std::abs(x)); });
    largest = std::max(1.0, all_reduce_max(comm, largest));
    const SumGrid grid(static_cast<double>(rows) * largest * largest);
    std::vector<double> sums(2 * genes, 0);
    for_each_value([&](std::size_t gene, double x) {
        sums[gene] += grid.round(x);
        sums[genes + gene] += grid.round(x * x);
    });
    all_reduce_sum(comm, std::span<double>(sums));
    for (std::size_t gene = 0; gene < genes; ++gene) {
        const double mean = sums[gene] / static_cast<double>(rows);
        const double variance = (sums[genes + gene] - static_cast<double>(rows) * mean * mean) /
                                static_cast<double>(std::max<std::int64_t>(1, rows - 1));
        if (variance <= 1e-12 * largest * largest) continue;
        scale.deviation[gene] = static_cast<float>(std::sqrt(variance));
        if (most > 0) scale.largest[gene] = static_cast<float>(mean + most * std::sqrt(variance));
    }
    return scale;
}

SparseCounts ScaledRows::row(std::int64_t row, RowBuffer& buffer) const {
    const SparseCounts given = rows_.row(row, buffer);
    const auto size = static_cast<std::size_t>(given.size);
    // The rows beneath may show their own memory, or this buffer's.
    if (given.values != buffer.values.data()) {
        buffer.genes.assign(given.genes, given.genes + given.size);
        buffer.values.assign(given.values, given.values + given.size);
    }
    for (std::size_t i = 0; i < size; ++i) {
        const auto gene = static_cast<std::size_t>(buffer.genes[i]);
        buffer.values[i] = std::min(buffer.values[i], scale_.largest[gene]) / scale_.deviation[gene];
    }
    return {buffer.genes.data(), buffer.values.data(), given.size};
}

std::int64_t elbow(std::span<const double> falling) {
    const auto n = std::ssize(falling);
    if (n < 3) return n;
    const double fall = falling.front() - falling.back();
    double deepest = 0;
    std::ptrdiff_t place = n;
    for (std::ptrdiff_t i = 0; i < n && fall > 0; ++i) {
        const double along = static_cast<double>(i) / static_cast<double>(n - 1);
        const double below = 1 - along - (falling[static_cast<std::size_t>(i)] - falling.back()) / fall;
        if (below > deepest) {
            deepest = below;
            place = i;
        }
    }
    return std::max<std::int64_t>(2, place);
}

ReferenceSpace fit_reference_space(const Backend& backend, const ExpressionRows& reference,
                                   const DenoiseOptions& options, std::uint64_t seed) {
    ReferenceSpace space;
    space.scale = gene_scale(backend.comm(), reference, options.standardise, options.largest_value);
    const ScaledRows scaled(reference, space.scale);
    const bool by_elbow = options.components == 0;
    PcaResult result = pca(*backend.centred_gram(scaled),
                           {.components = by_elbow ? kMostForElbow : options.components, .seed = seed});
    space.pca = std::move(result.pca);
    if (by_elbow) shorten(space.pca, elbow(space.pca.singular_values));
    space.latents = latents_in(space, reference);
    return space;
}

std::vector<double> latents_in(const ReferenceSpace& space, const ExpressionRows& rows) {
    return project(ScaledRows(rows, space.scale), space.pca);
}

}  // namespace lapatlas
