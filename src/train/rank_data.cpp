#include "src/train/rank_data.hpp"

#include <numeric>

#include "dist/agreement.hpp"
#include "dist/error.hpp"
#include "dist/even_sample.hpp"
#include "src/preprocess/highly_variable.hpp"

namespace lapatlas {

namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

std::int64_t num_encoder_genes(const ModelOptions& options, std::int64_t num_genes) {
    return options.encoder_genes == 0 ? num_genes : std::min(options.encoder_genes, num_genes);
}

RankData load_rank_data(const Communicator& comm, const std::filesystem::path& path, const Config& config,
                        const HeldoutRows* others) {
    struct Loaded {
        PreparedSummary summary;
        IndexMap map;
        PreparedRows train;
        HeldoutRows heldout;
    };
    Loaded loaded = agreed(comm, [&] {
        PreparedSummary summary = read_prepared_summary(path);
        if (summary.num_train < comm.size())
            throw InputError(path.string() + ": " + std::to_string(summary.num_train) +
                             " training cells are fewer than the " + std::to_string(comm.size()) + " ranks");
        IndexMap map = place_on_ranks(summary, comm.size());
        const CountsPlace place = config.train.counts_on_disk ? CountsPlace::kFile : CountsPlace::kMemory;
        PreparedRows train = read_prepared_rows(path, summary, map, comm.rank(), false, place);
        HeldoutRows heldout =
            others != nullptr ? *others : read_heldout_rows(path, summary, map, comm.rank(), place);
        return Loaded{std::move(summary), std::move(map), std::move(train), std::move(heldout)};
    });
    RankData data{.summary = std::move(loaded.summary),
                  .map = std::move(loaded.map),
                  .counts = {},
                  .input_target_sum = 0,
                  .encoder_genes = {},
                  .centre_input = config.model.centre_input,
                  .library = {},
                  .labels = {},
                  .batches = {},
                  .covariates = {},
                  .proteins = {},
                  .splits = {},
                  .heldout_clusters = {},
                  .encodings = {},
                  .train_graph = {},
                  .full_graph = {}};
    PreparedRows& train = loaded.train;
    HeldoutRows& heldout = loaded.heldout;
    data.num_train_rows = train.counts.num_rows();
    data.counts = std::move(train.counts);
    data.counts.append(heldout.counts);
    heldout.counts = PackedCounts();
    data.labels = std::move(train.labels);
    append(data.labels, heldout.labels);
    data.batches = std::move(train.batches);
    append(data.batches, heldout.batches);
    data.covariates = std::move(train.covariates);
    append(data.covariates, heldout.covariates);
    data.proteins = std::move(train.proteins);
    append(data.proteins, heldout.proteins);
    data.splits = std::move(heldout.splits);
    append(train.encodings, heldout.encodings);
    data.encodings =
        torch::from_blob(train.encodings.data(), {data.num_rows(), data.summary.num_encodings}).clone();
    if (config.model.library == "size_factor") data.input_target_sum = config.prepare.target_sum;
    data.target_sum = config.prepare.target_sum;
    data.encoder_genes =
        first_ranked(data.summary.gene_ranking, num_encoder_genes(config.model, data.counts.num_genes()));
    for_each_row(data.counts, [&](std::int64_t /*row*/, const SparseCounts& cell) {
        data.library.push_back(
            static_cast<float>(std::accumulate(cell.values, cell.values + cell.size, 0.0)));
    });

    data.train_graph = build_graph_shard(comm, data.map, train.graph_offsets, train.graph_columns);
    std::vector<std::int64_t> extra_ids;
    for (const std::int64_t row : heldout.rows) extra_ids.push_back(data.summary.num_train + row);
    const std::int64_t k =
        heldout.rows.empty() ? 0 : static_cast<std::int64_t>(heldout.neighbours.size() / heldout.rows.size());
    for (std::size_t i = 0; i < heldout.rows.size(); ++i) {
        data.heldout_clusters.push_back(static_cast<std::int32_t>(
            data.map.cluster_of_row(heldout.neighbours[i * static_cast<std::size_t>(k)])));
        std::vector<std::int64_t> own;
        for (std::int64_t j = 0; j < k; ++j)
            if (const auto to =
                    heldout.neighbours[i * static_cast<std::size_t>(k) + static_cast<std::size_t>(j)];
                to >= 0)
                own.push_back(to);
        // Ascending, as everywhere: the order of sums does not depend on how neighbours were found.
        std::sort(own.begin(), own.end());
        append(train.graph_columns, own);
        train.graph_offsets.push_back(static_cast<std::int64_t>(train.graph_columns.size()));
    }
    data.full_graph = build_graph_shard(comm, data.map, train.graph_offsets, train.graph_columns, extra_ids);
    return data;
}

namespace {

/// visit(begin, end) for every run of consecutive rows.
template <class Visit>
void for_each_run(std::span<const std::int32_t> rows, const Visit& visit) {
    for (std::size_t i = 0; i < rows.size();) {
        const std::size_t first = i;
        while (i < rows.size() && rows[i] == rows[first] + static_cast<std::int32_t>(i - first)) ++i;
        visit(rows[first], rows[first] + static_cast<std::int64_t>(i - first));
    }
}

}  // namespace

std::span<const std::int64_t> owned_training_ids(const RankData& data) {
    return std::span<const std::int64_t>(data.train_graph.owned_ids)
        .subspan(0, static_cast<std::size_t>(data.num_train_rows));
}

std::vector<std::int64_t> validation_rows(const RankData& data) {
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < data.splits.size(); ++i)
        if (data.splits[i] == 1) rows.push_back(data.num_train_rows + static_cast<std::int64_t>(i));
    return rows;
}

std::vector<std::int32_t> training_rows_of(const RankData& data, int rank,
                                           std::span<const std::uint8_t> cluster_is_active) {
    std::vector<std::int32_t> rows;
    for (const std::int64_t cluster : data.map.clusters_of_rank(rank)) {
        const BlockRange global = data.map.cluster_rows(cluster);
        if (cluster_is_active[static_cast<std::size_t>(cluster)] == 0 || global.size() == 0) continue;
        const std::int32_t first = data.map.local_row(global.begin);
        for (std::int64_t i = 0; i < global.size(); ++i) rows.push_back(first + static_cast<std::int32_t>(i));
    }
    return rows;
}

void prefetch_counts(const RankData& data, std::span<const std::int32_t> rows) {
    if (!data.counts.has_entries_in_files()) return;
    for_each_run(rows, [&](std::int64_t begin, std::int64_t end) { data.counts.prefetch(begin, end); });
}

void release_counts(const RankData& data, std::span<const std::int32_t> rows) {
    if (!data.counts.has_entries_in_files()) return;
    for_each_run(rows, [&](std::int64_t begin, std::int64_t end) { data.counts.release(begin, end); });
}

std::vector<std::int64_t> even_training_rows(const RankData& data, std::int64_t most) {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < data.num_train_rows; ++r)
        if (is_in_even_sample(data.train_graph.owned_ids[static_cast<std::size_t>(r)], data.summary.num_train,
                              most))
            rows.push_back(r);
    return rows;
}

}  // namespace lapatlas
