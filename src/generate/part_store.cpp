#include "src/generate/part_store.hpp"

#include <cstdio>
#include <system_error>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/sealed_file.hpp"
#include "src/io/packed_counts.hpp"

namespace lapatlas {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "lapatlas-part-1";

/// By its name, whole or not.
bool is_part(const fs::path& path) { return path.filename().string().starts_with("part-"); }

/// Who made a part, as it says itself; nothing where it is no whole part.
std::string maker_of(const fs::path& path) {
    if (!fs::is_regular_file(path) || !is_sealed(path) || !what_breaks_seal(path).empty()) return {};
    const Hdf5File file = Hdf5File::open(path);
    return file.string_attribute("", "format") == kFormat ? file.read_string("made_by") : "";
}

}  // namespace

PartStore::PartStore(const Communicator& comm, const fs::path& output, std::string made_by)
    : comm_(comm), folder_(output.string() + ".parts"), made_by_(std::move(made_by)) {
    agreed(comm_, [&] {
        if (!comm_.is_root()) return;
        require_writable(output);
        std::error_code error;
        fs::create_directory(folder_, error);
        if (error) throw InputError(folder_.string() + ": cannot be made (" + error.message() + ")");
        std::vector<fs::path> of_others;
        for (const auto& entry : fs::directory_iterator(folder_))
            if (is_part(entry.path()) && maker_of(entry.path()) != made_by_)
                of_others.push_back(entry.path());
        for (const fs::path& path : of_others) fs::remove(path);
    });
}

fs::path PartStore::path_of(std::int64_t part) const {
    char name[32];
    std::snprintf(name, sizeof name, "part-%09lld.h5", static_cast<long long>(part));
    return folder_ / name;
}

std::vector<std::int64_t> PartStore::missing(std::int64_t num_parts) const {
    std::vector<std::int64_t> parts = agreed(comm_, [&] {
        std::vector<std::int64_t> absent;
        // Those that were there and not ours went when the store was opened.
        for (std::int64_t part = 0; comm_.is_root() && part < num_parts; ++part)
            if (!fs::exists(path_of(part))) absent.push_back(part);
        return absent;
    });
    broadcast(comm_, parts);
    return parts;
}

void PartStore::write(std::int64_t part, const GeneratedBlock& cells) const {
    const PackedCounts counts(cells.counts);
    const PackedCounts::Arrays& arrays = counts.arrays();
    PartialFile partial(path_of(part));
    Hdf5File file = Hdf5File::create(partial.path(), kSealBytes);
    file.write_attribute("", "format", std::string(kFormat));
    file.write_string("made_by", made_by_);
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
    file.close();
    seal_file(partial.path());
    partial.commit();
}

GeneratedBlock PartStore::read(std::int64_t part) const {
    const Hdf5File file = Hdf5File::open(path_of(part));
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
    return cells;
}

void PartStore::remove() const {
    agreed(comm_, [&] {
        if (!comm_.is_root()) return;
        std::vector<fs::path> parts;
        for (const auto& entry : fs::directory_iterator(folder_))
            if (is_part(entry.path())) parts.push_back(entry.path());
        std::error_code ignored;
        for (const fs::path& path : parts) fs::remove(path, ignored);
        fs::remove(folder_, ignored);  // only if nobody has put something else there
    });
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
}

}  // namespace lapatlas
