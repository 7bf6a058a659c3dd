#include "src/io/atlas_reader.hpp"

#include <filesystem>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "src/io/h5ad_reader.hpp"
#include "src/io/tenx_reader.hpp"
#include "src/io/unique_names.hpp"

namespace lapatlas {

namespace {

enum class InputKind : int { kH5ad, kTenxH5, kTenxFolder };

/// Rank-local: what lies at the path, by content and not by ending.
InputKind kind_of(const std::string& path) {
    if (path.empty())
        throw InputError("no input: set input.path to an .h5ad file, a 10x .h5 file or a 10x folder");
    if (std::filesystem::is_directory(path)) {
        for (const char* name : {"matrix.mtx", "matrix.mtx.gz"})
            if (std::filesystem::exists(std::filesystem::path(path) / name)) return InputKind::kTenxFolder;
        throw InputError(path +
                         ": is a directory without matrix.mtx[.gz]; give an .h5ad file or a 10x folder");
    }
    const Hdf5File file = Hdf5File::open(path);
    return !file.exists("obs") && is_tenx_h5(file) ? InputKind::kTenxH5 : InputKind::kH5ad;
}

AtlasShard read_by_kind(const Communicator& comm, const InputOptions& options, Log& log) {
    auto kind = static_cast<int>(
        agreed(comm, [&] { return comm.is_root() ? kind_of(options.path) : InputKind::kH5ad; }));
    broadcast(comm, std::span<int>(&kind, 1));
    switch (static_cast<InputKind>(kind)) {
        case InputKind::kTenxFolder:
            return read_tenx_mtx(comm, options, log);
        case InputKind::kTenxH5:
            return read_tenx_h5(comm, options, log);
        case InputKind::kH5ad:
            break;
    }
    return read_h5ad(comm, options, log);
}

/// Empty cells and genes without a count are kept: filtering is a later stage's decision.
void warn_of_oddities(const Communicator& comm, const InputOptions& options, const AtlasShard& shard,
                      Log& log) {
    std::int64_t empty_cells = 0, unlabelled = 0;
    std::vector<std::int32_t> seen(shard.gene_names.size(), 0);
    for_each_row(shard.counts, [&](std::int64_t row, const SparseCounts& cell) {
        if (cell.size == 0) ++empty_cells;
        if (shard.labels[static_cast<std::size_t>(row)] < 0) ++unlabelled;
        for (std::int64_t i = 0; i < cell.size; ++i) seen[static_cast<std::size_t>(cell.genes[i])] = 1;
    });
    all_reduce(comm, std::span<std::int32_t>(seen), MPI_MAX);
    empty_cells = all_reduce_sum(comm, empty_cells);
    unlabelled = all_reduce_sum(comm, unlabelled);
    std::int64_t silent_genes = 0;
    for (const std::int32_t is_seen : seen) silent_genes += 1 - is_seen;

    const auto warn = [&](std::int64_t count, const std::string& what) {
        if (count > 0) log.warning(options.path + ": " + std::to_string(count) + what);
    };
    warn(empty_cells, " cells have no counts");
    warn(silent_genes, " genes have no counts in any cell");
    if (!options.label_key.empty()) warn(unlabelled, " cells have no label in '" + options.label_key + "'");
}

}  // namespace

AtlasShard read_atlas(const Communicator& comm, const InputOptions& options, Log& log) {
    AtlasShard shard;
    try {
        shard = read_by_kind(comm, options, log);
    } catch (const Hdf5Error& error) {
        // The file opened but a part of it cannot be read: that is the file's fault, not the program's.
        throw InputError(std::string(error.what()) + "; the file is damaged or not laid out as expected");
    }
    if (shard.num_cells == 0) throw InputError(options.path + ": holds no cells");
    if (shard.gene_names.empty()) throw InputError(options.path + ": holds no genes");
    const std::int64_t genes = make_names_unique(shard.gene_names);
    const std::int64_t cells = make_names_unique(comm, shard.cell_names);
    if (genes > 0)
        log.warning(options.path + ": " + std::to_string(genes) +
                    " gene names occur before; made unique (NAME-1, ...)");
    if (cells > 0)
        log.warning(options.path + ": " + std::to_string(cells) +
                    " cell names occur before; made unique (NAME-1, ...)");
    warn_of_oddities(comm, options, shard, log);
    return shard;
}

}  // namespace lapatlas
