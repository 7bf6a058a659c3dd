#include "src/evaluate/marginal_sampler.hpp"

#include <map>
#include <string>

#include "dist/error.hpp"
#include "src/evaluate/random_places.hpp"

namespace lapatlas {
namespace {

/// The non-zero counts of each gene among the training cells of one type.
struct TypeMarginals {
    std::int64_t num_cells = 0;
    std::vector<std::int64_t> gene_offsets;  // [num_genes + 1]
    std::vector<float> values;
};

TypeMarginals collect(const CountMatrix& training, const std::vector<std::int32_t>& labels,
                      std::int32_t type) {
    TypeMarginals marginals;
    const auto num_genes = static_cast<std::size_t>(training.num_genes);
    marginals.gene_offsets.assign(num_genes + 1, 0);
    const auto each_entry = [&](auto&& visit) {
        for (std::size_t row = 0; row < labels.size(); ++row) {
            if (type >= 0 && labels[row] != type) continue;
            for (std::int64_t i = training.row_offsets[row]; i < training.row_offsets[row + 1]; ++i)
                visit(static_cast<std::size_t>(training.gene_indices[static_cast<std::size_t>(i)]),
                      training.values[static_cast<std::size_t>(i)]);
        }
    };
    for (const std::int32_t label : labels) marginals.num_cells += type < 0 || label == type;
    each_entry([&](std::size_t gene, float) { ++marginals.gene_offsets[gene + 1]; });
    for (std::size_t gene = 0; gene < num_genes; ++gene)
        marginals.gene_offsets[gene + 1] += marginals.gene_offsets[gene];
    marginals.values.resize(static_cast<std::size_t>(marginals.gene_offsets.back()));
    std::vector<std::int64_t> next = marginals.gene_offsets;
    each_entry([&](std::size_t gene, float value) {
        marginals.values[static_cast<std::size_t>(next[gene]++)] = value;
    });
    return marginals;
}

}  // namespace

CountMatrix sample_marginals(const CountMatrix& training, const std::vector<std::int32_t>& training_labels,
                             const std::vector<std::int32_t>& labels, std::uint64_t seed,
                             std::int64_t first_cell) {
    ensure(static_cast<std::int64_t>(training_labels.size()) == training.num_rows(),
           "one label a training cell");
    std::map<std::int32_t, TypeMarginals> types;
    for (const std::int32_t label : labels)
        if (!types.contains(label)) {
            types[label] = collect(training, training_labels, label);
            if (types[label].num_cells == 0)
                throw InputError("no training cell of type " + std::to_string(label) +
                                 " to draw marginals from");
        }
    const PlacedRandom random(seed, RandomStream::kEvaluate);
    const std::uint32_t step = evaluation_step(EvaluationDraw::kMarginals);
    CountMatrix cells;
    cells.num_genes = training.num_genes;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const TypeMarginals& type = types[labels[i]];
        const auto cell = static_cast<std::uint64_t>(first_cell) + i;
        for (std::int64_t gene = 0; gene < training.num_genes; ++gene) {
            const double u = random.uniform(cell, step, static_cast<std::uint32_t>(gene));
            // The non-zero counts come first, then the zeros: which training cell it is does not matter.
            const auto pick = static_cast<std::int64_t>(u * static_cast<double>(type.num_cells));
            const std::int64_t begin = type.gene_offsets[static_cast<std::size_t>(gene)];
            if (pick >= type.gene_offsets[static_cast<std::size_t>(gene) + 1] - begin) continue;
            cells.gene_indices.push_back(static_cast<std::int32_t>(gene));
            cells.values.push_back(type.values[static_cast<std::size_t>(begin + pick)]);
        }
        cells.row_offsets.push_back(static_cast<std::int64_t>(cells.values.size()));
    }
    return cells;
}

}  // namespace lapatlas
