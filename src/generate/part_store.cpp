#include "src/generate/part_store.hpp"

#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

PartStore::PartStore(const Communicator& comm, const std::filesystem::path& output, std::string made_by)
    : comm_(comm), folder_(comm, output, "lapatlas-part-3", std::move(made_by)) {}

std::vector<std::int64_t> PartStore::missing(std::int64_t num_parts) const {
    std::vector<std::int64_t> parts = agreed(comm_, [&] {
        std::vector<std::int64_t> absent;
        // Those that were there and not ours went when the store was opened.
        for (std::int64_t part = 0; comm_.is_root() && part < num_parts; ++part)
            if (!folder_.has(part)) absent.push_back(part);
        return absent;
    });
    broadcast(comm_, parts);
    return parts;
}

void PartStore::write(std::int64_t part, const GeneratedBlock& cells) const {
    const PackedCounts counts(cells.counts);
    const PackedCounts::Arrays& arrays = counts.arrays();
    folder_.write(part, [&](Hdf5File& file) {
        file.write_scalar<std::int64_t>("first_cell", cells.first_cell);
        file.write_scalar<std::int64_t>("num_genes", counts.num_genes());
        file.write("row_offsets", arrays.row_offsets);
        file.write("genes16", arrays.genes16);
        file.write("genes32", arrays.genes32);
        file.write("counts", arrays.counts);
        file.write("large_entries", arrays.large_entries);
        file.write("large_values", arrays.large_values);
        file.write("labels", cells.labels);
        file.write("batches", cells.batches);
        file.write("library", cells.library);
        file.write("latents", cells.latents);
        file.write("manifold_distance", cells.manifold_distance);
        file.write("attempts", cells.attempts);
        file.write("predicted", cells.predicted);
        file.write("scores", cells.scores);
        file.write("covariates", cells.covariates);
        file.write("extrapolations", cells.extrapolations);
    });
}

GeneratedBlock PartStore::read(std::int64_t part) const {
    const Hdf5File file = folder_.open(part);
    PackedCounts::Arrays arrays;
    arrays.row_offsets = file.read<std::int64_t>("row_offsets");
    arrays.genes16 = file.read<std::uint16_t>("genes16");
    arrays.genes32 = file.read<std::int32_t>("genes32");
    arrays.counts = file.read<std::uint8_t>("counts");
    arrays.large_entries = file.read<std::int64_t>("large_entries");
    arrays.large_values = file.read<float>("large_values");
    const PackedCounts counts(file.read_scalar<std::int64_t>("num_genes"), std::move(arrays));
    GeneratedBlock cells;
    cells.first_cell = file.read_scalar<std::int64_t>("first_cell");
    cells.counts = counts.rows(0, counts.num_rows());
    cells.labels = file.read<std::int32_t>("labels");
    cells.batches = file.read<std::int32_t>("batches");
    cells.library = file.read<float>("library");
    cells.latents = file.read<float>("latents");
    cells.manifold_distance = file.read<float>("manifold_distance");
    cells.attempts = file.read<float>("attempts");
    cells.predicted = file.read<float>("predicted");
    cells.scores = file.read<float>("scores");
    cells.covariates = file.read<float>("covariates");
    cells.extrapolations = file.read<float>("extrapolations");
    return cells;
}

void append_cells(GeneratedBlock& cells, const GeneratedBlock& more) {
    if (cells.counts.num_rows() == 0) {
        cells = more;
        return;
    }
    const auto put = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    const std::int64_t entries = cells.counts.num_nonzeros();
    for (std::size_t row = 1; row < more.counts.row_offsets.size(); ++row)
        cells.counts.row_offsets.push_back(entries + more.counts.row_offsets[row]);
    put(cells.counts.gene_indices, more.counts.gene_indices);
    put(cells.counts.values, more.counts.values);
    put(cells.labels, more.labels);
    put(cells.batches, more.batches);
    put(cells.library, more.library);
    put(cells.latents, more.latents);
    put(cells.manifold_distance, more.manifold_distance);
    put(cells.attempts, more.attempts);
    put(cells.predicted, more.predicted);
    put(cells.scores, more.scores);
    put(cells.covariates, more.covariates);
    put(cells.extrapolations, more.extrapolations);
}

GeneratedBlock chosen_cells(const GeneratedBlock& cells, std::span<const std::uint8_t> stays) {
    GeneratedBlock chosen;
    chosen.first_cell = cells.first_cell;
    chosen.counts.num_genes = cells.counts.num_genes;
    const auto put_row = [&](auto& to, const auto& from, std::size_t row) {
        const std::size_t width = from.size() / cells.labels.size();
        const auto own = from.begin() + static_cast<std::ptrdiff_t>(row * width);
        to.insert(to.end(), own, own + static_cast<std::ptrdiff_t>(width));
    };
    for (std::size_t i = 0; i < stays.size(); ++i) {
        if (stays[i] == 0) continue;
        append_row(chosen.counts, row_of(cells.counts, static_cast<std::int64_t>(i)));
        const auto put = [i](auto& to, const auto& from) {
            if (!from.empty()) to.push_back(from[i]);
        };
        put(chosen.labels, cells.labels);
        put(chosen.batches, cells.batches);
        put(chosen.library, cells.library);
        put(chosen.manifold_distance, cells.manifold_distance);
        put(chosen.attempts, cells.attempts);
        put(chosen.predicted, cells.predicted);
        put(chosen.scores, cells.scores);
        put(chosen.extrapolations, cells.extrapolations);
        put_row(chosen.covariates, cells.covariates, i);
        put_row(chosen.latents, cells.latents, i);
    }
    return chosen;
}

}  // namespace lapatlas
