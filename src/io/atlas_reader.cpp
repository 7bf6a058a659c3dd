#include "src/io/atlas_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
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

/// What a file or folder is called, without the ending of a file and with its folder if asked for.
std::string name_of(const std::string& path, bool with_folder) {
    std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
    if (!whole.has_filename()) whole = whole.parent_path();  // a slash at the end
    const std::string name =
        (std::filesystem::is_directory(whole) ? whole.filename() : whole.stem()).string();
    return with_folder ? (whole.parent_path().filename() / name).string() : name;
}

/// Collective. The files' names as batches: with their folders where they are not told apart without (10x
/// calls its output alike in every folder).
std::vector<std::string> names_of_files(const Communicator& comm, const InputOptions& options,
                                        const std::vector<std::string>& files) {
    std::vector<std::string> names;
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        for (const bool with_folder : {false, true}) {
            names.clear();
            for (const std::string& file : files) names.push_back(name_of(file, with_folder));
            if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) return;
        }
        if (options.batch_from_file)
            throw InputError(options.path +
                             ": files of the same name in folders of the same name, which "
                             "input.batch_from_file cannot tell apart; rename them");
    });
    broadcast(comm, names);
    return names;
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
    const std::vector<std::string> called = names_of_files(comm, options, files);
    std::vector<AtlasShard> shards;
    std::vector<std::vector<std::string>> names, ids;
    AtlasShard atlas;
    std::int64_t first = 0;
    for (std::size_t f = 0; f < files.size(); ++f) {
        InputOptions of_file = options;
        of_file.path = files[f];
        AtlasShard shard = read_file(comm, of_file, {first, total}, log);
        if (options.batch_from_file) {
            shard.batch_names = {called[f]};
            shard.batches.assign(static_cast<std::size_t>(shard.counts.num_rows()), 0);
        }
        first += cells[f];
        if (f == 0) atlas.protein_names = shard.protein_names;
        if (shard.protein_names != atlas.protein_names)
            throw InputError(files[f] +
                             ": its proteins (input.protein_key) are others, or in another order, than " +
                             files[0] + "'s");
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
        sizes += (f == 0 ? "" : ", ") + called[f] + " " + std::to_string(cells[f]) + " x " +
                 std::to_string(names[f].size());
    log.info(std::to_string(files.size()) + " files (" + sizes + ") joined by " +
             (join.by_id ? "Ensembl id" : "gene name") + ", " + options.join_genes + ": " +
             std::to_string(join.names.size()) + " genes");
    return atlas;
}

/// Collective. The cells with the names that they have in their files, which may occur more than once.
AtlasShard read_with_names(const Communicator& comm, const InputOptions& options, Log& log) {
    const std::vector<std::string> files = agreed(comm, [&] { return input_files(options.path); });
    if (options.values == "as_given" && (files.size() != 1 || options.batch_from_file))
        throw ConfigError("input.values = as_given takes one .h5ad file, " + options.path + " are several");
    if (!options.covariate_keys.empty() && files.size() != 1)
        throw ConfigError("input.covariate_keys takes one .h5ad file, " + options.path +
                          " are several; join them first");
    if (files.size() != 1 || options.batch_from_file) return read_files(comm, options, files, log);
    InputOptions of_file = options;
    of_file.path = files.front();  // of an index of shards, the shard
    return read_file(comm, of_file, {}, log);
}

}  // namespace

AtlasShard read_atlas(const Communicator& comm, const InputOptions& options, Log& log) {
    AtlasShard shard = read_with_names(comm, options, log);
    if (!options.protein_path.empty()) {
        InputOptions of_proteins;
        of_proteins.path = options.protein_path;
        Log silent = Log::silent();
        attach_proteins(comm, options, read_with_names(comm, of_proteins, silent), shard, log);
    }
    if (const std::int64_t cells = make_names_unique(comm, shard.cell_names); cells > 0)
        log.warning(options.path + ": " + std::to_string(cells) +
                    " cell names occur before; made unique (NAME-1, ...)");
    if (options.values == "counts") warn_of_oddities(comm, options, shard, log);
    return shard;
}

void require_batches(const Communicator& comm, const AtlasShard& atlas, const InputOptions& options) {
    const std::int64_t missing = all_reduce_sum(
        comm, static_cast<std::int64_t>(std::count(atlas.batches.begin(), atlas.batches.end(), -1)));
    if (missing > 0)
        throw InputError(options.path + ": " + std::to_string(missing) +
                         " cells have no batch in obs column '" + options.batch_key +
                         "' (input.batch_key); name one for each, or drop those cells");
}

}  // namespace lapatlas
