#include "src/preprocess/filter.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

GeneFilter choose_genes(const Communicator& comm, const PackedCounts& local,
                        std::span<const std::uint8_t> is_training_row, std::int64_t min_cells) {
    GeneFilter filter;
    agreed(comm, [&] {
        ensure(static_cast<std::int64_t>(is_training_row.size()) == local.num_rows(),
               "choose_genes needs one training flag a row");
        filter.cells_expressing.assign(static_cast<std::size_t>(local.num_genes()), 0);
        for_each_row(local, [&](std::int64_t row, const SparseCounts& cell) {
            if (is_training_row[static_cast<std::size_t>(row)] == 0) return;
            ++filter.num_training_cells;
            for (std::int64_t i = 0; i < cell.size; ++i)
                ++filter.cells_expressing[static_cast<std::size_t>(cell.genes[i])];
        });
    });
    all_reduce_sum(comm, std::span<std::int64_t>(filter.cells_expressing));
    filter.num_training_cells = all_reduce_sum(comm, filter.num_training_cells);
    if (filter.num_training_cells == 0)
        throw InputError(
            "no training cell is left; relax prepare.min_genes, prepare.max_mito_fraction or the split");
    for (std::size_t gene = 0; gene < filter.cells_expressing.size(); ++gene)
        if (filter.cells_expressing[gene] >= min_cells)
            filter.kept.push_back(static_cast<std::int32_t>(gene));
    if (filter.kept.empty()) {
        const auto most = filter.cells_expressing.empty() ? std::int64_t{0}
                                                          : *std::max_element(filter.cells_expressing.begin(),
                                                                              filter.cells_expressing.end());
        throw InputError("none of " + std::to_string(local.num_genes()) + " genes is seen in at least " +
                         std::to_string(min_cells) + " of " + std::to_string(filter.num_training_cells) +
                         " training cells (the most frequent is in " + std::to_string(most) +
                         "); lower prepare.min_cells");
    }
    return filter;
}

bool is_mitochondrial(const std::string& gene_name) {
    return gene_name.starts_with("MT-") || gene_name.starts_with("mt-");
}

std::vector<std::int32_t> new_gene_indices(std::int64_t num_genes, std::span<const std::int32_t> kept) {
    std::vector<std::int32_t> new_index(static_cast<std::size_t>(num_genes), -1);
    for (std::size_t i = 0; i < kept.size(); ++i)
        new_index[static_cast<std::size_t>(kept[i])] = static_cast<std::int32_t>(i);
    return new_index;
}

CountMatrix select_genes(const CountMatrix& matrix, std::span<const std::int32_t> kept) {
    const std::vector<std::int32_t> new_index = new_gene_indices(matrix.num_genes, kept);
    const std::int64_t nonzeros =
        std::count_if(matrix.gene_indices.begin(), matrix.gene_indices.end(),
                      [&](std::int32_t gene) { return new_index[static_cast<std::size_t>(gene)] >= 0; });
    CountMatrix selected;
    selected.num_genes = static_cast<std::int64_t>(kept.size());
    selected.row_offsets.reserve(matrix.row_offsets.size());
    selected.gene_indices.reserve(static_cast<std::size_t>(nonzeros));
    selected.values.reserve(static_cast<std::size_t>(nonzeros));
    for (std::size_t row = 0; row + 1 < matrix.row_offsets.size(); ++row) {
        for (std::int64_t i = matrix.row_offsets[row]; i < matrix.row_offsets[row + 1]; ++i) {
            const std::size_t e = static_cast<std::size_t>(i);
            const std::int32_t gene = new_index[static_cast<std::size_t>(matrix.gene_indices[e])];
            if (gene < 0) continue;
            selected.gene_indices.push_back(gene);
            selected.values.push_back(matrix.values[e]);
        }
        selected.row_offsets.push_back(static_cast<std::int64_t>(selected.values.size()));
    }
    return selected;
}

CellFilter choose_cells(const Communicator& comm, const PackedCounts& local,
                        std::span<const std::string> gene_names, std::int64_t min_genes,
                        double max_mito_fraction) {
    CellFilter filter;
    std::array<std::int64_t, 4> totals{};  // cells, kept, too few genes, mitochondrial
    agreed(comm, [&] {
        ensure(static_cast<std::int64_t>(gene_names.size()) == local.num_genes(),
               "choose_cells needs one name a gene");
        std::vector<std::uint8_t> is_mito(gene_names.size());
        std::transform(gene_names.begin(), gene_names.end(), is_mito.begin(), is_mitochondrial);
        filter.keep.assign(static_cast<std::size_t>(local.num_rows()), 1);
        for_each_row(local, [&](std::int64_t row, const SparseCounts& cell) {
            double counts = 0, mito = 0;
            for (std::int64_t i = 0; i < cell.size; ++i) {
                counts += cell.values[i];
                if (is_mito[static_cast<std::size_t>(cell.genes[i])] != 0) mito += cell.values[i];
            }
            ++totals[0];
            if (cell.size < min_genes) {
                filter.keep[static_cast<std::size_t>(row)] = 0;
                ++totals[2];
            } else if (mito > max_mito_fraction * counts) {
                filter.keep[static_cast<std::size_t>(row)] = 0;
                ++totals[3];
            } else {
                ++totals[1];
            }
        });
    });
    all_reduce_sum(comm, std::span<std::int64_t>(totals));
    filter.num_kept = totals[1];
    filter.num_too_few_genes = totals[2];
    filter.num_mitochondrial = totals[3];
    if (filter.num_kept == 0)
        throw InputError("none of " + std::to_string(totals[0]) +
                         " cells is left: " + std::to_string(totals[2]) + " have fewer than " +
                         std::to_string(min_genes) + " genes, " + std::to_string(totals[3]) +
                         " too large a mitochondrial share; lower prepare.min_genes or raise "
                         "prepare.max_mito_fraction");
    return filter;
}

namespace {

void sort_by_gene(RowBuffer& row, std::int64_t size) {
    std::vector<std::pair<std::int32_t, float>> entries;
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i)
        entries.emplace_back(row.genes[i], row.values[i]);
    std::sort(entries.begin(), entries.end());
    for (std::size_t i = 0; i < entries.size(); ++i) std::tie(row.genes[i], row.values[i]) = entries[i];
}

}  // namespace

PackedCounts select(const PackedCounts& counts, std::span<const std::uint8_t> keep,
                    std::span<const std::int32_t> genes) {
    ensure(keep.empty() || static_cast<std::int64_t>(keep.size()) == counts.num_rows(),
           "select needs one flag a row");
    const std::vector<std::int32_t> new_index = new_gene_indices(counts.num_genes(), genes);
    const auto stays = [&](std::int64_t row) {
        return keep.empty() || keep[static_cast<std::size_t>(row)] != 0;
    };
    const bool ascending = std::is_sorted(genes.begin(), genes.end());
    std::int64_t rows = 0, entries = 0;
    for (std::int64_t row = 0; row < counts.num_rows(); ++row) {
        rows += stays(row) ? 1 : 0;
        entries += stays(row) ? counts.row_size(row) : 0;
    }
    PackedCounts selected(genes.empty() ? counts.num_genes() : static_cast<std::int64_t>(genes.size()));
    selected.reserve(rows, entries);
    RowBuffer buffer;
    for (std::int64_t row = 0; row < counts.num_rows(); ++row) {
        if (!stays(row)) continue;
        SparseCounts cell = counts.row(row, buffer);
        if (!genes.empty()) {
            std::int64_t size = 0;
            for (std::int64_t i = 0; i < cell.size; ++i) {
                const std::int32_t gene = new_index[static_cast<std::size_t>(cell.genes[i])];
                buffer.genes[static_cast<std::size_t>(size)] = gene;
                buffer.values[static_cast<std::size_t>(size)] = cell.values[i];
                size += gene >= 0 ? 1 : 0;
            }
            cell.size = size;
            if (!ascending) sort_by_gene(buffer, size);
        }
        selected.append(cell);
    }
    return selected;
}

}  // namespace lapatlas
