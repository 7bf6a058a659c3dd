#include "src/io/prepared_file.hpp"

#include <algorithm>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "partition/cluster_order.hpp"

namespace lapatlas {

namespace {

constexpr const char* kFormat = "lapatlas-prepared";
constexpr std::int64_t kFormatVersion = 7;

/// What ranks hold of one array, in order, a bounded part of it at a time: MPI-IO counts bytes in 32 bits,
/// and has buffers for all of a part.
template <class T>
void write_parts(const Communicator& comm, Hdf5File& file, const std::string& name, std::int64_t width,
                 std::int64_t first_row, const std::vector<T>& values) {
    constexpr std::int64_t kBytes = 32 << 20;
    const std::int64_t rows_a_round =
        std::max<std::int64_t>(1, kBytes / (width * static_cast<std::int64_t>(sizeof(T))));
    const std::int64_t rows = static_cast<std::int64_t>(values.size()) / width;
    const std::int64_t rounds = all_reduce_max(comm, (rows + rows_a_round - 1) / rows_a_round);
    for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t begin = std::min(rows, round * rows_a_round),
                           end = std::min(rows, begin + rows_a_round);
        file.write_rows<T>(
            name, first_row + begin,
            std::span<const T>(values).subspan(static_cast<std::size_t>(begin * width),
                                               static_cast<std::size_t>((end - begin) * width)));
    }
}

/// One-dimensional, ranks' parts one after another.
template <class T>
void write_joined(const Communicator& comm, Hdf5File& file, const std::string& name,
                  const std::vector<T>& values) {
    const auto mine = static_cast<std::int64_t>(values.size());
    file.create_dataset<T>(name, {all_reduce_sum(comm, mine)});
    write_parts<T>(comm, file, name, 1, exclusive_sum(comm, mine), values);
}

/// Row starts of rows that lie on ranks in order; in the file they are global.
void write_row_offsets(const Communicator& comm, Hdf5File& file, const std::string& name,
                       std::int64_t num_rows, std::int64_t first_row,
                       const std::vector<std::int64_t>& offsets) {
    const std::int64_t first = exclusive_sum(comm, offsets.back()),
                       total = all_reduce_sum(comm, offsets.back());
    // Row r of the file's indptr [num_rows + 1] is written by the owner of row r; the last by the last rank.
    std::vector<std::int64_t> global;
    for (std::size_t r = 0; r + 1 < offsets.size(); ++r) global.push_back(first + offsets[r]);
    if (comm.rank() == comm.size() - 1) global.push_back(total);
    file.create_dataset<std::int64_t>(name, {num_rows + 1});
    write_parts<std::int64_t>(comm, file, name, 1, first_row, global);
}

void write_counts(const Communicator& comm, Hdf5File& file, const std::string& name, std::int64_t num_rows,
                  std::int64_t first_row, const PackedCounts& counts) {
    const PackedCounts::Arrays& arrays = counts.arrays();
    write_row_offsets(comm, file, name + "/indptr", num_rows, first_row, arrays.row_offsets);
    if (counts.has_short_genes())
        write_joined(comm, file, name + "/indices", arrays.genes16);
    else
        write_joined(comm, file, name + "/indices", arrays.genes32);
    write_joined(comm, file, name + "/data", arrays.counts);
    std::vector<std::int64_t> large = arrays.large_entries;
    const std::int64_t first_entry = exclusive_sum(comm, counts.num_nonzeros());
    for (std::int64_t& entry : large) entry += first_entry;
    write_joined(comm, file, name + "/large_entries", large);
    write_joined(comm, file, name + "/large_values", arrays.large_values);
}

template <class T>
void write_block(const Communicator& comm, Hdf5File& file, const std::string& name, std::int64_t num_rows,
                 std::int64_t width, std::int64_t first_row, const std::vector<T>& values) {
    if (width == 0) return;
    if (width == 1)
        file.create_dataset<T>(name, {num_rows});
    else
        file.create_dataset<T>(name, {num_rows, width});
    write_parts<T>(comm, file, name, width, first_row, values);
}

std::int64_t width_of(const Communicator& comm, std::size_t values, std::int64_t rows) {
    return all_reduce_max(comm, rows == 0 ? std::int64_t{0} : static_cast<std::int64_t>(values) / rows);
}

void write_summary(Hdf5File& file, const PreparedSummary& summary,
                   const std::map<std::string, std::string>& provenance) {
    file.write_attribute("", "format", std::string(kFormat));
    file.write_attribute<std::int64_t>("", "format_version", std::span(&kFormatVersion, 1), true);
    file.write_strings("genes/names", summary.gene_names);
    if (!summary.gene_ids.empty()) file.write_strings("genes/ids", summary.gene_ids);
    write_gene_columns(file, "genes/columns", summary.gene_columns);
    file.write_strings("labels/names", summary.label_names);
    file.write_strings("batches/names", summary.batch_names);
    write_covariate_columns(file, summary.covariate_columns);
    file.write_strings("proteins/names", summary.protein_names);
    const std::vector<std::int64_t> sizes{summary.num_cells, summary.num_train, summary.num_heldout,
                                          summary.num_encodings, summary.num_neighbours};
    file.write<std::int64_t>("sizes", sizes);
    file.write<std::int64_t>("clusters/offsets", summary.cluster_offsets);
    file.write<std::int64_t>("clusters/heldout_offsets", summary.heldout_offsets);
    file.write<std::int64_t>("clusters/graph_offsets", summary.cluster_graph_offsets);
    file.write<std::int32_t>("clusters/graph_neighbours", summary.cluster_graph_neighbours);
    file.write<std::int64_t>("clusters/graph_edges", summary.cluster_graph_edges);
    file.write<std::int64_t>("clusters/weights", summary.cluster_weights);
    file.write<double>("eigenvalues", summary.eigenvalues);
    file.write<double>("singular_values", summary.singular_values);
    file.write<std::int32_t>("genes/ranking", summary.gene_ranking);
    file.write<std::int32_t>("pca/genes", summary.graph_genes);
    file.write<double>("pca/mean", summary.pca_mean);
    file.write<double>("pca/loadings", summary.pca_loadings);
    file.create_group("figures");
    for (const auto& [name, value] : summary.figures) file.write_scalar("figures/" + name, value);
    file.write_string("matrix_name", summary.matrix_name);
    file.write_string("fingerprint", summary.fingerprint);
    file.create_group("provenance");
    for (const auto& [name, value] : provenance) file.write_string("provenance/" + name, value);
}

/// Runs of consecutive global rows that a rank owns, so that each is one read.
std::vector<BlockRange> row_runs(const std::vector<std::int64_t>& offsets, const IndexMap& map, int rank) {
    std::vector<BlockRange> runs;
    for (const std::int64_t cluster : map.clusters_of_rank(rank)) {
        const auto c = static_cast<std::size_t>(cluster);
        if (!runs.empty() && runs.back().end == offsets[c])
            runs.back().end = offsets[c + 1];
        else
            runs.push_back({offsets[c], offsets[c + 1]});
    }
    return runs;
}

template <class T>
std::vector<T> read_runs(const Hdf5File& file, const std::string& name, const std::vector<BlockRange>& runs) {
    if (runs.size() == 1) return file.read_rows<T>(name, runs[0].begin, runs[0].size());
    std::vector<T> all;
    for (const BlockRange& run : runs) {
        const std::vector<T> part = file.read_rows<T>(name, run.begin, run.size());
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

/// The row starts of `runs` as if their rows were all there are, and the entries that each run takes of the
/// file's arrays.
std::vector<BlockRange> read_row_offsets(const Hdf5File& file, const std::string& name,
                                         const std::vector<BlockRange>& runs,
                                         std::vector<std::int64_t>& offsets) {
    offsets.assign(1, 0);
    std::vector<BlockRange> entries;
    for (const BlockRange& run : runs) {
        const auto starts = file.read_rows<std::int64_t>(name, run.begin, run.size() + 1);
        if (starts.front() < 0 || !std::is_sorted(starts.begin(), starts.end()))
            throw InputError(file.path().string() + ": damaged: " + name + " does not ascend");
        const std::int64_t base = offsets.back();
        for (std::size_t r = 1; r < starts.size(); ++r) offsets.push_back(base + starts[r] - starts.front());
        entries.push_back({starts.front(), starts.back()});
    }
    return entries;
}

/// A part of a one-dimensional dataset, left where it is.
template <class T>
std::shared_ptr<const MappedFile> map_values(const Hdf5File& file, const std::string& name,
                                             const BlockRange& part) {
    const auto offset = file.contiguous_offset<T>(name);
    if (!offset)
        throw InputError(
            file.path().string() + ": " + name +
            " is not one stretch of the file, so it cannot stay there; run `lapatlas prepare` again "
            "or set train.counts_on_disk = false");
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
    return std::make_shared<const MappedFile>(file.path(), *offset + part.begin * kSize, part.size() * kSize);
}

PackedCounts read_counts(const Hdf5File& file, const std::string& name, const std::vector<BlockRange>& runs,
                         std::int64_t num_genes, CountsPlace place) {
    PackedCounts::Arrays arrays;
    std::vector<PackedCounts::InFile> pieces;
    const bool short_genes = PackedCounts::has_short_genes(num_genes);
    const std::vector<BlockRange> entries =
        read_row_offsets(file, name + "/indptr", runs, arrays.row_offsets);
    if (place == CountsPlace::kFile) {
        for (const BlockRange& part : entries)
            if (part.size() > 0)
                pieces.push_back({part.size(),
                                  short_genes ? map_values<std::uint16_t>(file, name + "/indices", part)
                                              : map_values<std::int32_t>(file, name + "/indices", part),
                                  map_values<std::uint8_t>(file, name + "/data", part)});
    } else {
        if (short_genes)
            arrays.genes16 = read_runs<std::uint16_t>(file, name + "/indices", entries);
        else
            arrays.genes32 = read_runs<std::int32_t>(file, name + "/indices", entries);
        arrays.counts = read_runs<std::uint8_t>(file, name + "/data", entries);
    }
    const auto large = file.read<std::int64_t>(name + "/large_entries");
    const auto values = file.read<float>(name + "/large_values");
    std::int64_t base = 0;
    for (const BlockRange& part : entries) {
        for (auto at = std::lower_bound(large.begin(), large.end(), part.begin);
             at != large.end() && *at < part.end; ++at) {
            arrays.large_entries.push_back(base + *at - part.begin);
            arrays.large_values.push_back(values[static_cast<std::size_t>(at - large.begin())]);
        }
        base += part.size();
    }
    if (place == CountsPlace::kFile) return {num_genes, std::move(arrays), std::move(pieces)};
    return {num_genes, std::move(arrays)};
}

void read_graph(const Hdf5File& file, const std::vector<BlockRange>& runs, std::vector<std::int64_t>& offsets,
                std::vector<std::int64_t>& columns) {
    columns = read_runs<std::int64_t>(file, "train/graph/indices",
                                      read_row_offsets(file, "train/graph/indptr", runs, offsets));
}

}  // namespace

void write_prepared(const Communicator& comm, const std::filesystem::path& path,
                    const PreparedSummary& summary, const PreparedRows& train, const HeldoutRows& heldout,
                    const std::map<std::string, std::string>& provenance) {
    std::optional<PartialFile> partial;
    if (comm.is_root()) partial.emplace(path);
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        Hdf5File file = Hdf5File::create(partial->path());
        write_summary(file, summary, provenance);
        file.close();
    });
    const std::int64_t train_rows = train.counts.num_rows(), heldout_rows = heldout.counts.num_rows();
    const std::int64_t first_train = exclusive_sum(comm, train_rows);
    const std::int64_t first_heldout = exclusive_sum(comm, heldout_rows);
    const std::int64_t score_width = width_of(comm, train.scores.size(), train_rows);
    agreed(comm, [&] {
        Hdf5File file = Hdf5File::open_parallel(comm, partial_path(path));
        write_counts(comm, file, "train/counts", summary.num_train, first_train, train.counts);
        write_row_offsets(comm, file, "train/graph/indptr", summary.num_train, first_train,
                          train.graph_offsets);
        write_joined(comm, file, "train/graph/indices", train.graph_columns);
        write_block(comm, file, "train/cell_index", summary.num_train, 1, first_train, train.cell_index);
        write_block(comm, file, "train/labels", summary.num_train, 1, first_train, train.labels);
        write_block(comm, file, "train/batches", summary.num_train, 1, first_train, train.batches);
        const std::int64_t columns = std::ssize(summary.covariate_columns),
                           proteins = std::ssize(summary.protein_names);
        write_block(comm, file, "train/covariates", summary.num_train, columns, first_train,
                    train.covariates);
        write_block(comm, file, "heldout/covariates", summary.num_heldout, columns, first_heldout,
                    heldout.covariates);
        write_block(comm, file, "train/proteins", summary.num_train, proteins, first_train, train.proteins);
        write_block(comm, file, "heldout/proteins", summary.num_heldout, proteins, first_heldout,
                    heldout.proteins);
        write_block(comm, file, "train/encodings", summary.num_train, summary.num_encodings, first_train,
                    train.encodings);
        write_block(comm, file, "train/scores", summary.num_train, score_width, first_train, train.scores);
        write_counts(comm, file, "heldout/counts", summary.num_heldout, first_heldout, heldout.counts);
        write_block(comm, file, "heldout/cell_index", summary.num_heldout, 1, first_heldout,
                    heldout.cell_index);
        write_block(comm, file, "heldout/labels", summary.num_heldout, 1, first_heldout, heldout.labels);
        write_block(comm, file, "heldout/batches", summary.num_heldout, 1, first_heldout, heldout.batches);
        write_block(comm, file, "heldout/splits", summary.num_heldout, 1, first_heldout, heldout.splits);
        write_block(comm, file, "heldout/encodings", summary.num_heldout, summary.num_encodings,
                    first_heldout, heldout.encodings);
        write_block(comm, file, "heldout/neighbours", summary.num_heldout, summary.num_neighbours,
                    first_heldout, heldout.neighbours);
        file.close();
    });
    agreed(comm, [&] {
        if (partial) partial->commit();
    });
}

namespace {

bool ascends(const std::vector<std::int64_t>& offsets, std::size_t size, std::int64_t end) {
    return offsets.size() == size && offsets.front() == 0 && offsets.back() == end &&
           std::is_sorted(offsets.begin(), offsets.end());
}

template <class T>
bool all_below(const std::vector<T>& values, std::size_t end) {
    return std::all_of(values.begin(), values.end(),
                       [&](T value) { return value >= 0 && static_cast<std::size_t>(value) < end; });
}

/// What other stages take at its word when they find their rows by it.
bool fits_together(const PreparedSummary& summary) {
    const std::size_t clusters = summary.cluster_weights.size(), genes = summary.gene_names.size();
    const auto edges = static_cast<std::int64_t>(summary.cluster_graph_neighbours.size());
    return ascends(summary.cluster_offsets, clusters + 1, summary.num_train) &&
           ascends(summary.heldout_offsets, clusters + 1, summary.num_heldout) &&
           ascends(summary.cluster_graph_offsets, clusters + 1, edges) &&
           summary.cluster_graph_edges.size() == summary.cluster_graph_neighbours.size() &&
           all_below(summary.cluster_graph_neighbours, clusters) &&
           std::all_of(summary.cluster_weights.begin(), summary.cluster_weights.end(),
                       [](std::int64_t weight) { return weight >= 0 && weight < std::int64_t{1} << 48; }) &&
           std::all_of(summary.cluster_graph_edges.begin(), summary.cluster_graph_edges.end(),
                       [](std::int64_t count) { return count >= 0 && count < std::int64_t{1} << 48; }) &&
           all_below(summary.gene_ranking, genes) && all_below(summary.graph_genes, genes) &&
           summary.num_encodings >= 0 && summary.num_neighbours >= 0;
}

}  // namespace

PreparedSummary read_prepared_summary(const std::filesystem::path& path) {
    const Hdf5File file = Hdf5File::open(path);
    if (file.string_attribute("", "format") != kFormat)
        throw InputError(path.string() + ": not a prepared dataset; make one with `lapatlas prepare`");
    const auto version = file.attribute<std::int64_t>("", "format_version");
    if (!version || version->size() != 1 || version->front() != kFormatVersion)
        throw InputError(path.string() +
                         ": prepared by another version of LapAtlas; run `lapatlas prepare` again");
    PreparedSummary summary;
    summary.gene_names = file.read_strings("genes/names");
    if (file.exists("genes/ids")) summary.gene_ids = file.read_strings("genes/ids");
    summary.gene_columns = read_gene_columns(file, "genes/columns");
    summary.label_names = file.read_strings("labels/names");
    summary.batch_names = file.read_strings("batches/names");
    summary.covariate_columns = read_covariate_columns(file);
    summary.protein_names = file.read_strings("proteins/names");
    const auto sizes = file.read<std::int64_t>("sizes");
    if (sizes.size() != 5) throw InputError(path.string() + ": damaged: 'sizes' holds no five numbers");
    summary.num_cells = sizes[0];
    summary.num_train = sizes[1];
    summary.num_heldout = sizes[2];
    summary.num_encodings = sizes[3];
    summary.num_neighbours = sizes[4];
    summary.cluster_offsets = file.read<std::int64_t>("clusters/offsets");
    summary.heldout_offsets = file.read<std::int64_t>("clusters/heldout_offsets");
    summary.cluster_graph_offsets = file.read<std::int64_t>("clusters/graph_offsets");
    summary.cluster_graph_neighbours = file.read<std::int32_t>("clusters/graph_neighbours");
    summary.cluster_graph_edges = file.read<std::int64_t>("clusters/graph_edges");
    summary.cluster_weights = file.read<std::int64_t>("clusters/weights");
    summary.eigenvalues = file.read<double>("eigenvalues");
    summary.singular_values = file.read<double>("singular_values");
    summary.gene_ranking = file.read<std::int32_t>("genes/ranking");
    summary.graph_genes = file.read<std::int32_t>("pca/genes");
    summary.pca_mean = file.read<double>("pca/mean");
    summary.pca_loadings = file.read<double>("pca/loadings");
    for (const std::string& name : file.children("figures"))
        summary.figures[name] = file.read_scalar<double>("figures/" + name);
    summary.matrix_name = file.read_string("matrix_name");
    summary.fingerprint = file.read_string("fingerprint");
    if (!fits_together(summary))
        throw InputError(path.string() +
                         ": damaged: its parts do not fit together; run `lapatlas prepare` again");
    return summary;
}

IndexMap place_on_ranks(const PreparedSummary& summary, int num_ranks) {
    return {summary.cluster_offsets,
            place_clusters({summary.cluster_graph_offsets, summary.cluster_graph_neighbours,
                            summary.cluster_graph_edges, summary.cluster_weights},
                           num_ranks),
            num_ranks};
}

PreparedRows read_prepared_rows(const std::filesystem::path& path, const PreparedSummary& summary,
                                const IndexMap& map, int rank, bool with_scores, CountsPlace counts) {
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<BlockRange> runs = row_runs(summary.cluster_offsets, map, rank);
    PreparedRows rows;
    rows.counts =
        read_counts(file, "train/counts", runs, static_cast<std::int64_t>(summary.gene_names.size()), counts);
    read_graph(file, runs, rows.graph_offsets, rows.graph_columns);
    rows.cell_index = read_runs<std::int64_t>(file, "train/cell_index", runs);
    rows.labels = read_runs<std::int32_t>(file, "train/labels", runs);
    rows.batches = read_runs<std::int32_t>(file, "train/batches", runs);
    if (!summary.covariate_columns.empty())
        rows.covariates = read_runs<float>(file, "train/covariates", runs);
    if (!summary.protein_names.empty()) rows.proteins = read_runs<float>(file, "train/proteins", runs);
    if (summary.num_encodings > 0) rows.encodings = read_runs<float>(file, "train/encodings", runs);
    if (with_scores) rows.scores = read_runs<float>(file, "train/scores", runs);
    const auto labels = static_cast<std::int32_t>(summary.label_names.size());
    if (!all_below(rows.graph_columns, static_cast<std::size_t>(summary.num_train)) ||
        std::any_of(rows.labels.begin(), rows.labels.end(),
                    [&](std::int32_t label) { return label < -1 || label >= labels; }))
        throw InputError(path.string() +
                         ": damaged: neighbours or labels that are none; run `lapatlas prepare` again");
    return rows;
}

TrainingBlock read_training_block(const Communicator& comm, const std::filesystem::path& path,
                                  const PreparedSummary& summary) {
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<BlockRange> runs{block_of_rank(summary.num_train, comm.size(), comm.rank())};
    TrainingBlock block;
    block.scores = read_runs<double>(file, "train/scores", runs);
    if (summary.num_encodings > 0) block.encodings = read_runs<double>(file, "train/encodings", runs);
    read_graph(file, runs, block.graph_offsets, block.graph_columns);
    return block;
}

HeldoutRows read_heldout_rows(const std::filesystem::path& path, const PreparedSummary& summary,
                              const IndexMap& map, int rank, CountsPlace counts) {
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<BlockRange> runs = row_runs(summary.heldout_offsets, map, rank);
    HeldoutRows rows;
    rows.counts = read_counts(file, "heldout/counts", runs,
                              static_cast<std::int64_t>(summary.gene_names.size()), counts);
    rows.cell_index = read_runs<std::int64_t>(file, "heldout/cell_index", runs);
    rows.labels = read_runs<std::int32_t>(file, "heldout/labels", runs);
    rows.batches = read_runs<std::int32_t>(file, "heldout/batches", runs);
    if (!summary.covariate_columns.empty())
        rows.covariates = read_runs<float>(file, "heldout/covariates", runs);
    if (!summary.protein_names.empty()) rows.proteins = read_runs<float>(file, "heldout/proteins", runs);
    rows.splits = read_runs<std::int8_t>(file, "heldout/splits", runs);
    if (summary.num_encodings > 0) rows.encodings = read_runs<float>(file, "heldout/encodings", runs);
    if (summary.num_neighbours > 0)
        rows.neighbours = read_runs<std::int64_t>(file, "heldout/neighbours", runs);
    for (const BlockRange& run : runs)
        for (std::int64_t r = run.begin; r < run.end; ++r) rows.rows.push_back(r);
    return rows;
}

}  // namespace lapatlas
