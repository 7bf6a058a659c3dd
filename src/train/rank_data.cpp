#include "src/train/rank_data.hpp"

#include <cmath>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/error.hpp"
#include "dist/even_sample.hpp"
#include "src/preprocess/filter.hpp"
#include "src/preprocess/highly_variable.hpp"
#include "src/random/philox_lanes.hpp"

namespace lapatlas {

namespace {

void append_rows(CountMatrix& to, const CountMatrix& from) {
    const std::int64_t base = to.num_nonzeros();
    for (std::size_t r = 1; r < from.row_offsets.size(); ++r)
        to.row_offsets.push_back(base + from.row_offsets[r]);
    to.gene_indices.insert(to.gene_indices.end(), from.gene_indices.begin(), from.gene_indices.end());
    to.values.insert(to.values.end(), from.values.begin(), from.values.end());
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

/// Each cell's library, and what the encoder sees of its counts.
void transform_counts(RankData& data, const Config& config) {
    const bool normalise = config.model.library == "size_factor";
    data.inputs = data.counts;
    for (std::int64_t r = 0; r < data.num_rows(); ++r) {
        const SparseCounts cell = data.counts_of(r);
        const double total = std::accumulate(cell.values, cell.values + cell.size, 0.0);
        data.library.push_back(static_cast<float>(total));
        const double scale = normalise && total > 0 ? config.prepare.target_sum / total : 1.0;
        float* seen = data.inputs.values.data() + data.counts.row_offsets[static_cast<std::size_t>(r)];
        for (std::int64_t e = 0; e < cell.size; ++e)
            seen[e] = static_cast<float>(std::log1p(cell.values[e] * scale));
    }
    const std::int64_t genes = num_encoder_genes(config.model, data.counts.num_genes);
    if (genes < data.counts.num_genes)
        data.inputs = select_genes(data.inputs, first_ranked(data.summary.gene_ranking, genes));
}

/// Hides entries of a cell at random, keyed by (seed, step, cell, gene).
class EntryMask {
  public:
    EntryMask(std::uint64_t seed, double fraction)
        : key_(PlacedRandom(seed, RandomStream::kMask).key()),
          threshold_(static_cast<std::uint32_t>(fraction * 4294967295.0)),
          scale_(static_cast<float>(1 / (1 - fraction))) {}

    /// Writes the entries that stay, values scaled, and returns how many they are; room for all is needed.
    std::size_t keep(std::uint64_t cell, std::uint32_t step, const SparseCounts& entries,
                     std::int32_t* genes_out, float* values_out) {
        // Four genes share a draw. Genes ascend, so each draw is listed once; many are made side by side.
        draws_.clear();
        for (std::int64_t e = 0; e < entries.size; ++e)
            if (const auto draw = static_cast<std::uint32_t>(entries.genes[e]) / 4;
                draws_.empty() || draws_.back() != draw)
                draws_.push_back(draw);
        draws_.resize((draws_.size() + kPhiloxLanes - 1) / kPhiloxLanes * kPhiloxLanes);
        words_.resize(draws_.size() * 4);
        for (std::size_t first = 0; first < draws_.size(); first += kPhiloxLanes) {
            const PhiloxLanes lanes = philox_lanes(key_, cell, step, draws_.data() + first);
            for (std::size_t lane = 0; lane < kPhiloxLanes; ++lane)
                for (std::size_t j = 0; j < 4; ++j) words_[(first + lane) * 4 + j] = lanes[j][lane];
        }
        std::size_t at = 0, kept = 0;
        for (std::int64_t e = 0; e < entries.size; ++e) {
            const auto gene = static_cast<std::uint32_t>(entries.genes[e]);
            at += gene / 4 != draws_[at] ? 1 : 0;
            genes_out[kept] = entries.genes[e];
            values_out[kept] = scale_ * entries.values[e];
            kept += words_[at * 4 + gene % 4] >= threshold_ ? 1 : 0;
        }
        return kept;
    }

  private:
    std::array<std::uint32_t, 2> key_;
    std::uint32_t threshold_;
    float scale_;
    std::vector<std::uint32_t> draws_, words_;
};

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
        PreparedRows train = read_prepared_rows(path, summary, map, comm.rank());
        HeldoutRows heldout =
            others != nullptr ? *others : read_heldout_rows(path, summary, map, comm.rank());
        return Loaded{std::move(summary), std::move(map), std::move(train), std::move(heldout)};
    });
    RankData data{.summary = std::move(loaded.summary),
                  .map = std::move(loaded.map),
                  .counts = {},
                  .inputs = {},
                  .library = {},
                  .labels = {},
                  .batches = {},
                  .splits = {},
                  .encodings = {},
                  .train_graph = {},
                  .full_graph = {}};
    PreparedRows& train = loaded.train;
    HeldoutRows& heldout = loaded.heldout;
    data.num_train_rows = train.counts.num_rows();
    data.counts = std::move(train.counts);
    append_rows(data.counts, heldout.counts);
    data.labels = std::move(train.labels);
    append(data.labels, heldout.labels);
    data.batches = std::move(train.batches);
    append(data.batches, heldout.batches);
    data.splits = std::move(heldout.splits);
    append(train.encodings, heldout.encodings);
    data.encodings =
        torch::from_blob(train.encodings.data(), {data.num_rows(), data.summary.num_encodings}).clone();
    transform_counts(data, config);

    data.train_graph = build_graph_shard(comm, data.map, train.graph_offsets, train.graph_columns);
    std::vector<std::int64_t> extra_ids;
    for (const std::int64_t row : heldout.rows) extra_ids.push_back(data.summary.num_train + row);
    const std::int64_t k =
        heldout.rows.empty() ? 0 : static_cast<std::int64_t>(heldout.neighbours.size() / heldout.rows.size());
    for (std::size_t i = 0; i < heldout.rows.size(); ++i) {
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

torch::Tensor batches_of(const RankData& data, std::span<const std::int64_t> rows) {
    if (data.summary.batch_names.empty()) return {};
    torch::Tensor batches = torch::empty({static_cast<std::int64_t>(rows.size())}, torch::kInt64);
    for (std::size_t i = 0; i < rows.size(); ++i)
        batches.data_ptr<std::int64_t>()[i] = data.batches[static_cast<std::size_t>(rows[i])];
    return batches;
}

std::vector<std::int64_t> even_training_rows(const RankData& data, std::int64_t most) {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < data.num_train_rows; ++r)
        if (is_in_even_sample(data.train_graph.owned_ids[static_cast<std::size_t>(r)], data.summary.num_train,
                              most))
            rows.push_back(r);
    return rows;
}

CellBatch cell_batch(const RankData& data, std::span<const std::int64_t> rows) {
    CellBatch cells;
    for (const std::int64_t row : rows) {
        cells.counts.push_back(data.counts_of(row));
        cells.library.push_back(data.library[static_cast<std::size_t>(row)]);
        cells.labels.push_back(data.labels[static_cast<std::size_t>(row)]);
    }
    cells.batches = batches_of(data, rows);
    return cells;
}

SparseInput sparse_input(const RankData& data, std::span<const std::int32_t> rows, double mask_fraction,
                         std::uint64_t seed, std::uint32_t step) {
    SparseInput input;
    input.num_rows = static_cast<std::int64_t>(rows.size());
    input.num_genes = data.inputs.num_genes;
    std::size_t most = 0;
    for (const std::int32_t row : rows) most += static_cast<std::size_t>(data.inputs_of(row).size);
    input.gene_indices.resize(most);
    input.values.resize(most);
    input.row_offsets.push_back(0);
    EntryMask mask(seed, mask_fraction);
    std::size_t end = 0;
    for (const std::int32_t row : rows) {
        const SparseCounts cell = data.inputs_of(row);
        if (mask_fraction > 0) {
            const auto id =
                static_cast<std::uint64_t>(data.full_graph.owned_ids[static_cast<std::size_t>(row)]);
            end += mask.keep(id, step, cell, input.gene_indices.data() + end, input.values.data() + end);
        } else {
            std::copy_n(cell.genes, cell.size, input.gene_indices.data() + end);
            std::copy_n(cell.values, cell.size, input.values.data() + end);
            end += static_cast<std::size_t>(cell.size);
        }
        input.row_offsets.push_back(static_cast<std::int64_t>(end));
    }
    input.gene_indices.resize(end);
    input.values.resize(end);
    order_by_gene(input);
    return input;
}

}  // namespace lapatlas
