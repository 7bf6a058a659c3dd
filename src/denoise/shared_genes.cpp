#include "src/denoise/shared_genes.hpp"

#include <numeric>

#include "dist/error.hpp"
#include "src/io/row_assembler.hpp"
#include "src/preprocess/filter.hpp"
#include "src/preprocess/gene_matching.hpp"
#include "src/preprocess/highly_variable.hpp"

namespace lapatlas {

namespace {

/// What was read, over the columns that `new_index` names.
CountMatrix columns_of(AtlasShard& atlas, const std::vector<std::int32_t>& new_index,
                       std::int64_t num_genes) {
    CountMatrix matrix =
        atlas.counts.num_rows() > 0 ? atlas.counts.rows(0, atlas.counts.num_rows()) : std::move(atlas.values);
    atlas.counts = PackedCounts();
    select_columns(matrix, new_index, num_genes);
    tidy_rows(matrix);
    return matrix;
}

}  // namespace

SharedGenes share_genes(const Communicator& comm, AtlasShard reference, AtlasShard query,
                        const Config& config, Log& log) {
    const GeneMatches found =
        match_genes(reference.gene_names, reference.gene_ids, query.gene_names, query.gene_ids);
    log.info(std::to_string(found.size()) + " genes are in both the reference (" +
             std::to_string(reference.gene_names.size()) + ") and the query (" +
             std::to_string(query.gene_names.size()) + ")");
    std::vector<std::int32_t> of_reference(reference.gene_names.size(), -1),
        of_query(query.gene_names.size(), -1);
    SharedGenes shared;
    for (const auto& [left, right] : found) {
        const auto place = static_cast<std::int32_t>(shared.names.size());
        of_reference[static_cast<std::size_t>(left)] = of_query[static_cast<std::size_t>(right)] = place;
        shared.names.push_back(reference.gene_names[static_cast<std::size_t>(left)]);
        if (!reference.gene_ids.empty())
            shared.ids.push_back(reference.gene_ids[static_cast<std::size_t>(left)]);
    }
    const auto genes = std::ssize(shared.names);
    if (genes < 2)
        throw InputError(config.denoise.query + ": shares " + std::to_string(genes) + " genes with " +
                         config.input.path + "; are the names of one kind?");
    shared.reference = columns_of(reference, of_reference, genes);
    shared.query = columns_of(query, of_query, genes);
    if (config.input.values == "as_given") {
        shared.used.resize(shared.names.size());
        std::iota(shared.used.begin(), shared.used.end(), 0);
        return shared;
    }
    const PackedCounts counts(shared.reference);
    const std::vector<std::uint8_t> all_rows(static_cast<std::size_t>(counts.num_rows()), 1);
    shared.used = choose_genes(comm, counts, all_rows, config.prepare.min_cells).kept;
    const std::int64_t wanted = config.prepare.highly_variable_genes;
    if (wanted > 0 && wanted < std::ssize(shared.used)) {
        const PackedCounts kept = select(counts, {}, shared.used);
        std::vector<std::int32_t> variable;
        for (const std::int32_t gene : choose_highly_variable(comm, kept, all_rows, wanted).chosen)
            variable.push_back(shared.used[static_cast<std::size_t>(gene)]);
        shared.used = std::move(variable);
    }
    log.info(std::to_string(shared.used.size()) + " of them make the latents");
    return shared;
}

}  // namespace lapatlas
