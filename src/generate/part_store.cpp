#include "src/generate/part_store.hpp"

#include <type_traits>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

namespace {

/// visit(name, member) for all that a block has of its cells beside their counts: vectors of one value a
/// cell, or of several, or empty ones.
template <class Visit>
void for_each_column(const Visit& visit) {
    visit("labels", &GeneratedBlock::labels);
    visit("batches", &GeneratedBlock::batches);
    visit("library", &GeneratedBlock::library);
    visit("latents", &GeneratedBlock::latents);
    visit("manifold_distance", &GeneratedBlock::manifold_distance);
    visit("attempts", &GeneratedBlock::attempts);
    visit("predicted", &GeneratedBlock::predicted);
    visit("proteins", &GeneratedBlock::proteins);
    visit("scores", &GeneratedBlock::scores);
    visit("covariates", &GeneratedBlock::covariates);
    visit("extrapolations", &GeneratedBlock::extrapolations);
}

}  // namespace

PartStore::PartStore(const Communicator& comm, const std::filesystem::path& output, std::string made_by)
    : comm_(comm), folder_(comm, output, "lapatlas-part-4", std::move(made_by)) {}

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
        for_each_column([&](const char* name, auto member) { file.write(name, cells.*member); });
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
    for_each_column([&](const char* name, auto member) {
        auto& values = cells.*member;
        values = file.read<typename std::remove_reference_t<decltype(values)>::value_type>(name);
    });
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
    for_each_column([&](const char*, auto member) { put(cells.*member, more.*member); });
}

GeneratedBlock chosen_cells(const GeneratedBlock& cells, std::span<const std::uint8_t> stays) {
    GeneratedBlock chosen;
    chosen.first_cell = cells.first_cell;
    chosen.counts.num_genes = cells.counts.num_genes;
    for (std::size_t i = 0; i < stays.size(); ++i)
        if (stays[i] != 0) append_row(chosen.counts, row_of(cells.counts, static_cast<std::int64_t>(i)));
    for_each_column([&](const char*, auto member) {
        const auto& from = cells.*member;
        const std::size_t width = stays.empty() ? 0 : from.size() / stays.size();
        for (std::size_t i = 0; i < stays.size(); ++i) {
            if (stays[i] == 0) continue;
            const auto own = from.begin() + static_cast<std::ptrdiff_t>(i * width);
            (chosen.*member).insert((chosen.*member).end(), own, own + static_cast<std::ptrdiff_t>(width));
        }
    });
    return chosen;
}

}  // namespace lapatlas
