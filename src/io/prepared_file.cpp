#include "src/io/prepared_file.hpp"

#include <algorithm>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/block_range.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "partition/metis_partitioner.hpp"

namespace lapatlas {

namespace {

constexpr const char* kFormat = "lapatlas-prepared";
constexpr std::int64_t kFormatVersion = 4;

/// One CSR matrix of rows that lie on ranks in order; offsets in the file are global.
template <class Index, class Value>
void write_csr(const Communicator& comm, Hdf5File& file, const std::string& name, std::int64_t num_rows,
               std::int64_t first_row, const std::vector<std::int64_t>& offsets,
               const std::vector<Index>& indices, const std::vector<Value>* values) {
    const std::int64_t mine = static_cast<std::int64_t>(indices.size());
    const std::int64_t first = exclusive_sum(comm, mine);
    const std::int64_t total = all_reduce_sum(comm, mine);
    // Row r of the file's indptr [num_rows + 1] is written by the owner of row r; the last by the last rank.
    std::vector<std::int64_t> global;
    for (std::size_t r = 0; r + 1 < offsets.size(); ++r) global.push_back(first + offsets[r]);
    if (comm.rank() == comm.size() - 1) global.push_back(total);
    file.create_dataset<std::int64_t>(name + "/indptr", {num_rows + 1});
    file.write_rows<std::int64_t>(name + "/indptr", first_row, global);
    file.create_dataset<Index>(name + "/indices", {total});
    file.write_rows<Index>(name + "/indices", first, indices);
    if (values != nullptr) {
        file.create_dataset<Value>(name + "/data", {total});
        file.write_rows<Value>(name + "/data", first, *values);
    }
}

template <class T>
void write_block(Hdf5File& file, const std::string& name, std::int64_t num_rows, std::int64_t width,
                 std::int64_t first_row, const std::vector<T>& values) {
    if (width == 0) return;
    if (width == 1)
        file.create_dataset<T>(name, {num_rows});
    else
        file.create_dataset<T>(name, {num_rows, width});
    file.write_rows<T>(name, first_row, values);
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
    std::vector<T> all;
    for (const BlockRange& run : runs) {
        const std::vector<T> part = file.read_rows<T>(name, run.begin, run.size());
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

template <class Index>
void read_csr(const Hdf5File& file, const std::string& name, const std::vector<BlockRange>& runs,
              std::vector<std::int64_t>& offsets, std::vector<Index>& indices, std::vector<float>* values) {
    offsets.assign(1, 0);
    for (const BlockRange& run : runs) {
        const auto indptr = file.read_rows<std::int64_t>(name + "/indptr", run.begin, run.size() + 1);
        const std::int64_t first = indptr.front(), count = indptr.back() - first;
        const std::int64_t base = offsets.back();
        for (std::size_t r = 1; r < indptr.size(); ++r) offsets.push_back(base + indptr[r] - first);
        const auto part = file.read_rows<Index>(name + "/indices", first, count);
        indices.insert(indices.end(), part.begin(), part.end());
        if (values != nullptr) {
            const auto data = file.read_rows<float>(name + "/data", first, count);
            values->insert(values->end(), data.begin(), data.end());
        }
    }
}

CountMatrix read_counts(const Hdf5File& file, const std::string& name, const std::vector<BlockRange>& runs,
                        std::int64_t num_genes) {
    CountMatrix counts;
    counts.num_genes = num_genes;
    read_csr(file, name, runs, counts.row_offsets, counts.gene_indices, &counts.values);
    return counts;
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
        write_csr(comm, file, "train/counts", summary.num_train, first_train, train.counts.row_offsets,
                  train.counts.gene_indices, &train.counts.values);
        write_csr<std::int64_t, float>(comm, file, "train/graph", summary.num_train, first_train,
                                       train.graph_offsets, train.graph_columns, nullptr);
        write_block(file, "train/cell_index", summary.num_train, 1, first_train, train.cell_index);
        write_block(file, "train/labels", summary.num_train, 1, first_train, train.labels);
        write_block(file, "train/batches", summary.num_train, 1, first_train, train.batches);
        write_block(file, "train/encodings", summary.num_train, summary.num_encodings, first_train,
                    train.encodings);
        write_block(file, "train/scores", summary.num_train, score_width, first_train, train.scores);
        write_csr(comm, file, "heldout/counts", summary.num_heldout, first_heldout,
                  heldout.counts.row_offsets, heldout.counts.gene_indices, &heldout.counts.values);
        write_block(file, "heldout/cell_index", summary.num_heldout, 1, first_heldout, heldout.cell_index);
        write_block(file, "heldout/labels", summary.num_heldout, 1, first_heldout, heldout.labels);
        write_block(file, "heldout/batches", summary.num_heldout, 1, first_heldout, heldout.batches);
        write_block(file, "heldout/splits", summary.num_heldout, 1, first_heldout, heldout.splits);
        write_block(file, "heldout/encodings", summary.num_heldout, summary.num_encodings, first_heldout,
                    heldout.encodings);
        write_block(file, "heldout/neighbours", summary.num_heldout, summary.num_neighbours, first_heldout,
                    heldout.neighbours);
        file.close();
    });
    agreed(comm, [&] {
        if (partial) partial->commit();
    });
}

PreparedSummary read_prepared_summary(const std::filesystem::path& path) {
    const Hdf5File file = Hdf5File::open(path);
    if (file.string_attribute("", "format") != kFormat)
        throw InputError(path.string() + ": not a prepared dataset; make one with `lapatlas prepare`");
    const auto version = file.attribute<std::int64_t>("", "format_version");
    if (!version || version->at(0) != kFormatVersion)
        throw InputError(path.string() +
                         ": prepared by another version of LapAtlas; run `lapatlas prepare` again");
    PreparedSummary summary;
    summary.gene_names = file.read_strings("genes/names");
    if (file.exists("genes/ids")) summary.gene_ids = file.read_strings("genes/ids");
    summary.gene_columns = read_gene_columns(file, "genes/columns");
    summary.label_names = file.read_strings("labels/names");
    summary.batch_names = file.read_strings("batches/names");
    const auto sizes = file.read<std::int64_t>("sizes");
    summary.num_cells = sizes.at(0);
    summary.num_train = sizes.at(1);
    summary.num_heldout = sizes.at(2);
    summary.num_encodings = sizes.at(3);
    summary.num_neighbours = sizes.at(4);
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
    return summary;
}

IndexMap place_on_ranks(const PreparedSummary& summary, int num_ranks) {
    return {summary.cluster_offsets,
            place_clusters(summary.cluster_graph_offsets, summary.cluster_graph_neighbours,
                           summary.cluster_graph_edges, summary.cluster_weights, num_ranks),
            num_ranks};
}

PreparedRows read_prepared_rows(const std::filesystem::path& path, const PreparedSummary& summary,
                                const IndexMap& map, int rank, bool with_scores) {
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<BlockRange> runs = row_runs(summary.cluster_offsets, map, rank);
    PreparedRows rows;
    rows.counts =
        read_counts(file, "train/counts", runs, static_cast<std::int64_t>(summary.gene_names.size()));
    read_csr(file, "train/graph", runs, rows.graph_offsets, rows.graph_columns, nullptr);
    rows.cell_index = read_runs<std::int64_t>(file, "train/cell_index", runs);
    rows.labels = read_runs<std::int32_t>(file, "train/labels", runs);
    rows.batches = read_runs<std::int32_t>(file, "train/batches", runs);
    if (summary.num_encodings > 0) rows.encodings = read_runs<float>(file, "train/encodings", runs);
    if (with_scores) rows.scores = read_runs<float>(file, "train/scores", runs);
    return rows;
}

TrainingBlock read_training_block(const Communicator& comm, const std::filesystem::path& path,
                                  const PreparedSummary& summary) {
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<BlockRange> runs{block_of_rank(summary.num_train, comm.size(), comm.rank())};
    TrainingBlock block;
    block.scores = read_runs<double>(file, "train/scores", runs);
    if (summary.num_encodings > 0) block.encodings = read_runs<double>(file, "train/encodings", runs);
    read_csr(file, "train/graph", runs, block.graph_offsets, block.graph_columns, nullptr);
    return block;
}

HeldoutRows read_heldout_rows(const std::filesystem::path& path, const PreparedSummary& summary,
                              const IndexMap& map, int rank) {
    const Hdf5File file = Hdf5File::open(path);
    const std::vector<BlockRange> runs = row_runs(summary.heldout_offsets, map, rank);
    HeldoutRows rows;
    rows.counts =
        read_counts(file, "heldout/counts", runs, static_cast<std::int64_t>(summary.gene_names.size()));
    rows.cell_index = read_runs<std::int64_t>(file, "heldout/cell_index", runs);
    rows.labels = read_runs<std::int32_t>(file, "heldout/labels", runs);
    rows.batches = read_runs<std::int32_t>(file, "heldout/batches", runs);
    rows.splits = read_runs<std::int8_t>(file, "heldout/splits", runs);
    if (summary.num_encodings > 0) rows.encodings = read_runs<float>(file, "heldout/encodings", runs);
    if (summary.num_neighbours > 0)
        rows.neighbours = read_runs<std::int64_t>(file, "heldout/neighbours", runs);
    for (const BlockRange& run : runs)
        for (std::int64_t r = run.begin; r < run.end; ++r) rows.rows.push_back(r);
    return rows;
}

}  // namespace lapatlas
