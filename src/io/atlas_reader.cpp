#include "src/io/atlas_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "src/io/atlas_size.hpp"
#include "src/io/h5ad_reader.hpp"
#include "src/io/input_files.hpp"
#include "src/io/join_atlases.hpp"
#include "src/io/proteins.hpp"
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

AtlasShard read_by_kind(const Communicator& comm, const InputOptions& options, const FileRows& rows,
                        Log& log) {
    auto kind = static_cast<int>(
        agreed(comm, [&] { return comm.is_root() ? kind_of(options.path) : InputKind::kH5ad; }));
    broadcast(comm, std::span<int>(&kind, 1));
    if (options.values == "as_given" && static_cast<InputKind>(kind) != InputKind::kH5ad)
        throw ConfigError("input.values = as_given: " + options.path +
                          " is of 10x's own format, which holds counts; give an .h5ad file");
    switch (static_cast<InputKind>(kind)) {
        case InputKind::kTenxFolder:
            return read_tenx_mtx(comm, options, rows, log);
        case InputKind::kTenxH5:
            return read_tenx_h5(comm, options, rows, log);
        case InputKind::kH5ad:
            break;
    }
    return read_h5ad(comm, options, rows, log);
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

/// Collective. One file's rows of this rank, its gene names made unique.
AtlasShard read_file(const Communicator& comm, const InputOptions& options, const FileRows& rows, Log& log) {
    AtlasShard shard = read_by_kind(comm, options, rows, log);
    if (shard.num_cells == 0) throw InputError(options.path + ": holds no cells");
    if (shard.gene_names.empty()) throw InputError(options.path + ": holds no genes");
    if (const std::int64_t genes = make_names_unique(shard.gene_names); genes > 0)
        log.warning(options.path + ": " + std::to_string(genes) +
                    " gene names occur before; made unique (NAME-1, ...)");
    return shard;
}

std::string stem_of(const std::string& path) {
    return std::filesystem::path(path).lexically_normal().stem().string();
}

void merge_names(std::vector<std::string>& all, const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
}

/// Collective. The cells of each file.
std::vector<std::int64_t> count_cells(const Communicator& comm, const InputOptions& options,
                                      const std::vector<std::string>& files) {
    std::vector<std::int64_t> cells(files.size());
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        for (std::size_t f = 0; f < files.size(); ++f) {
            InputOptions of_file = options;
            of_file.path = files[f];
            cells[f] = read_atlas_size(of_file).cells;
        }
    });
    broadcast(comm, std::span<std::int64_t>(cells));
    return cells;
}

/// Collective. Files one after another as one atlas.
AtlasShard read_files(const Communicator& comm, const InputOptions& options,
                      const std::vector<std::string>& files, Log& log) {
    const std::vector<std::int64_t> cells = count_cells(comm, options, files);
    const std::int64_t total = std::accumulate(cells.begin(), cells.end(), std::int64_t{0});
    std::vector<AtlasShard> shards;
    std::vector<std::vector<std::string>> names, ids;
    AtlasShard atlas;
    std::int64_t first = 0;
    for (std::size_t f = 0; f < files.size(); ++f) {
        InputOptions of_file = options;
        of_file.path = files[f];
        AtlasShard shard = read_file(comm, of_file, {first, total}, log);
        if (options.batch_from_file) {
            shard.batch_names = {stem_of(files[f])};
            shard.batches.assign(static_cast<std::size_t>(shard.counts.num_rows()), 0);
        }
        first += cells[f];
        names.push_back(shard.gene_names);
        ids.push_back(shard.gene_ids);
        merge_names(atlas.label_names, shard.label_names);
        merge_names(atlas.batch_names, shard.batch_names);
        if (atlas.matrix_name.find(shard.matrix_name) == std::string::npos)
            atlas.matrix_name += (atlas.matrix_name.empty() ? "" : "; ") + shard.matrix_name;
        shards.push_back(std::move(shard));
    }
    const GeneJoin join = agreed(comm, [&] { return join_genes(names, ids, options.join_genes == "outer"); });
    atlas.num_cells = total;
    atlas.first_cell = block_of_rank(total, comm.size(), comm.rank()).begin;
    atlas.gene_names = join.names;
    atlas.gene_ids = join.ids;
    atlas.counts = PackedCounts(static_cast<std::int64_t>(join.names.size()));
    for (std::size_t f = 0; f < files.size(); ++f)
        append_file(atlas, std::exchange(shards[f], {}), join.new_index[f]);
    std::string sizes;
    for (std::size_t f = 0; f < files.size(); ++f)
        sizes += (f == 0 ? "" : ", ") + stem_of(files[f]) + " " + std::to_string(cells[f]) + " x " +
                 std::to_string(names[f].size());
    log.info(std::to_string(files.size()) + " files (" + sizes + ") joined by " +
             (join.by_id ? "Ensembl id" : "gene name") + ", " + options.join_genes + ": " +
             std::to_string(join.names.size()) + " genes");
    return atlas;
}

}  // namespace

AtlasShard read_atlas(const Communicator& comm, const InputOptions& options, Log& log) {
    const std::vector<std::string> files = agreed(comm, [&] { return input_files(options.path); });
    if (options.values == "as_given" && (files.size() != 1 || options.batch_from_file))
        throw ConfigError("input.values = as_given takes one .h5ad file, " + options.path + " are several");
    if (!options.covariate_keys.empty() && files.size() != 1)
        throw ConfigError("input.covariate_keys takes one .h5ad file, " + options.path +
                          " are several; join them first");
    if (!options.protein_key.empty() && files.size() != 1)
        throw ConfigError("input.protein_key takes one .h5ad file, " + options.path +
                          " are several; join them first, or give input.protein_path");
    AtlasShard shard = files.size() == 1 && !options.batch_from_file ? read_file(comm, options, {}, log)
                                                                     : read_files(comm, options, files, log);
    // A 10x file's are features of a type, read with its genes.
    if (!options.protein_key.empty() && shard.protein_names.empty())
        read_protein_obsm(comm, options.path, options.protein_key, shard);
    if (!options.protein_path.empty()) read_protein_file(comm, options, shard, log);
    if (const std::int64_t cells = make_names_unique(comm, shard.cell_names); cells > 0)
        log.warning(options.path + ": " + std::to_string(cells) +
                    " cell names occur before; made unique (NAME-1, ...)");
    if (options.values == "counts") warn_of_oddities(comm, options, shard, log);
    return shard;
}

}  // namespace lapatlas
