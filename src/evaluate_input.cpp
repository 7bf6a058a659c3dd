#include "src/evaluate_input.hpp"

#include <algorithm>
#include <numeric>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/even_sample.hpp"
#include "dist/hdf5_file.hpp"
#include "src/config/derived.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/h5ad_frame.hpp"
#include "src/io/input_files.hpp"
#include "src/io/near_names.hpp"
#include "src/io/prepared_file.hpp"
#include "src/preprocess/filter.hpp"
#include "src/preprocess/gene_matching.hpp"
#include "src/preprocess/split.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kFewestGenes = 100;

/// Cells that lie on ranks, and those of them that an evaluation takes.
struct Sample {
    CountMatrix counts;
    std::vector<std::int32_t> labels;
    std::vector<std::int64_t> rows;
    std::vector<double> latent_distance;
    std::vector<float> proteins;
};

/// Collective. Of this rank's cells those with `part[r] == wanted`, on the root in the order of their global
/// rows; thinned evenly where there are more than kMostEvaluatedCells. `latent_distance`: one a cell on every
/// rank, or empty on all; `proteins`: as many a cell as there are, or empty.
Sample gather_sample(const Communicator& comm, const PackedCounts& counts,
                     const std::vector<std::int32_t>& labels, const std::vector<std::int64_t>& rows,
                     const std::vector<std::int8_t>& part, std::int8_t wanted,
                     const std::vector<double>& latent_distance = {},
                     const std::vector<float>& proteins = {}) {
    const std::size_t width = rows.empty() ? 0 : proteins.size() / rows.size();
    // Their places among the wanted cells of all ranks, by global row.
    std::vector<std::int64_t> mine;
    for (std::size_t r = 0; r < rows.size(); ++r)
        if (part[r] == wanted) mine.push_back(rows[r]);
    std::vector<std::int64_t> all = all_gather_v<std::int64_t>(comm, mine);
    std::sort(all.begin(), all.end());
    const auto total = static_cast<std::int64_t>(all.size());
    const auto is_taken = [&](std::int64_t row) {
        const std::int64_t place = std::lower_bound(all.begin(), all.end(), row) - all.begin();
        return is_in_even_sample(place, total, kMostEvaluatedCells);
    };
    CountMatrix kept;
    RowBuffer buffer;
    std::vector<std::int64_t> chosen_rows, sizes;
    std::vector<std::int32_t> chosen_labels;
    std::vector<double> chosen_distances;
    std::vector<float> chosen_proteins;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        if (part[r] != wanted || !is_taken(rows[r])) continue;
        chosen_rows.push_back(rows[r]);
        chosen_labels.push_back(labels[r]);
        if (!latent_distance.empty()) chosen_distances.push_back(latent_distance[r]);
        const auto own = proteins.begin() + static_cast<std::ptrdiff_t>(r * width);
        chosen_proteins.insert(chosen_proteins.end(), own, own + static_cast<std::ptrdiff_t>(width));
        sizes.push_back(counts.row_size(static_cast<std::int64_t>(r)));
        append_row(kept, counts.row(static_cast<std::int64_t>(r), buffer));
    }
    const auto all_rows = gather_v<std::int64_t>(comm, chosen_rows);
    const auto all_labels = gather_v<std::int32_t>(comm, chosen_labels);
    const auto all_distances = gather_v<double>(comm, chosen_distances);
    const auto all_proteins = gather_v<float>(comm, chosen_proteins);
    const auto all_sizes = gather_v<std::int64_t>(comm, sizes);
    const auto genes = gather_v<std::int32_t>(comm, kept.gene_indices);
    const auto values = gather_v<float>(comm, kept.values);
    Sample sample;
    sample.counts.num_genes = counts.num_genes();
    if (!comm.is_root()) return sample;
    const auto of_cell =
        static_cast<std::ptrdiff_t>(all_rows.empty() ? 0 : all_proteins.size() / all_rows.size());
    std::vector<std::int64_t> starts{0};
    for (const std::int64_t size : all_sizes) starts.push_back(starts.back() + size);
    std::vector<std::size_t> order(all_rows.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return all_rows[a] < all_rows[b]; });
    for (const std::size_t cell : order) {
        const auto first = static_cast<std::ptrdiff_t>(starts[cell]),
                   last = static_cast<std::ptrdiff_t>(starts[cell + 1]);
        sample.counts.gene_indices.insert(sample.counts.gene_indices.end(), genes.begin() + first,
                                          genes.begin() + last);
        sample.counts.values.insert(sample.counts.values.end(), values.begin() + first,
                                    values.begin() + last);
        sample.counts.row_offsets.push_back(sample.counts.num_nonzeros() + last - first);
        sample.labels.push_back(all_labels[cell]);
        sample.rows.push_back(all_rows[cell]);
        if (!all_distances.empty()) sample.latent_distance.push_back(all_distances[cell]);
        const auto own = all_proteins.begin() + static_cast<std::ptrdiff_t>(cell) * of_cell;
        sample.proteins.insert(sample.proteins.end(), own, own + of_cell);
    }
    return sample;
}

void put_samples(Sample train, Sample test, Sample generated, EvaluationInput& input) {
    input.train = std::move(train.counts);
    input.train_labels = std::move(train.labels);
    input.train_cells = std::move(train.rows);
    input.test = std::move(test.counts);
    input.test_labels = std::move(test.labels);
    input.test_cells = std::move(test.rows);
    input.test_latent_distance = std::move(test.latent_distance);
    input.generated = std::move(generated.counts);
    input.generated_labels = std::move(generated.labels);
    input.generated_cells = std::move(generated.rows);
    input.generated_latent_distance = std::move(generated.latent_distance);
    input.train_proteins = std::move(train.proteins);
    input.test_proteins = std::move(test.proteins);
    input.generated_proteins = std::move(generated.proteins);
}

/// Codes of the generated file's labels in terms of the reference's.
std::vector<std::int32_t> translate(const AtlasShard& generated, const std::vector<std::string>& names,
                                    const std::filesystem::path& path) {
    std::vector<std::int32_t> code_of;
    for (const std::string& name : generated.label_names) {
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end())
            throw InputError(path.string() + ": type '" + name + "' is not one of the reference's types" +
                             suggest_names(name, names));
        code_of.push_back(static_cast<std::int32_t>(found - names.begin()));
    }
    std::vector<std::int32_t> labels;
    for (const std::int32_t label : generated.labels)
        labels.push_back(label < 0 ? -1 : code_of[static_cast<std::size_t>(label)]);
    return labels;
}

/// Collective. The generated file as it lies on the ranks.
AtlasShard read_generated(const Communicator& comm, const std::filesystem::path& path,
                          const std::string& layer, const std::string& label_key,
                          const std::string& protein_key = "") {
    InputOptions source;
    source.path = path.string();
    source.layer = layer;
    source.label_key = label_key;
    source.protein_key = protein_key;
    Log silent = Log::silent();
    return read_atlas(comm, source, silent);
}

/// Of this rank's generated cells, as `lapatlas generate` wrote them.
std::vector<double> written_distances(const std::filesystem::path& path, const AtlasShard& shard) {
    std::vector<double> distances;
    std::int64_t first = 0;  // cell of the atlas that is the file's first
    for (const std::string& name : input_files(path.string())) {
        const Hdf5File file = Hdf5File::open(name);
        const H5adFrame obs(file, "obs");
        if (!obs.has("manifold_distance"))
            throw InputError(name +
                             ": obs has no manifold_distance, which its model would have written; "
                             "make it again with `lapatlas generate`");
        const std::int64_t begin = std::clamp<std::int64_t>(shard.first_cell - first, 0, obs.num_rows()),
                           end = std::clamp<std::int64_t>(shard.first_cell + shard.counts.num_rows() - first,
                                                          begin, obs.num_rows());
        const std::vector<double> part = obs.numbers("manifold_distance", begin, end - begin);
        distances.insert(distances.end(), part.begin(), part.end());
        first += obs.num_rows();
    }
    return distances;
}

std::vector<std::int64_t> global_rows(const AtlasShard& shard) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(shard.counts.num_rows()));
    std::iota(rows.begin(), rows.end(), shard.first_cell);
    return rows;
}

}  // namespace

EvaluationInput input_of_prepared(const Communicator& comm, const Config& config,
                                  const std::filesystem::path& prepared,
                                  const std::optional<std::vector<double>>& heldout_latent_distance,
                                  const std::filesystem::path& generated, Log& log) {
    struct Loaded {
        PreparedSummary summary;
        PreparedRows train;
        HeldoutRows heldout;
    };
    Loaded loaded = agreed(comm, [&] {
        PreparedSummary summary = read_prepared_summary(prepared);
        const IndexMap map = place_on_ranks(summary, comm.size());
        PreparedRows train = read_prepared_rows(prepared, summary, map, comm.rank());
        HeldoutRows heldout = read_heldout_rows(prepared, summary, map, comm.rank());
        return Loaded{std::move(summary), std::move(train), std::move(heldout)};
    });
    const PreparedSummary& summary = loaded.summary;
    EvaluationInput input;
    input.label_names = summary.label_names;
    input.gene_names = summary.gene_names;
    input.target_sum = config.prepare.target_sum;
    input.unconditional = is_unconditional(config.generate) || summary.label_names.empty();

    // In the order of the file that was read: the dataset orders cells by cluster.
    Sample train =
        gather_sample(comm, loaded.train.counts, loaded.train.labels, loaded.train.cell_index,
                      std::vector<std::int8_t>(loaded.train.labels.size(), 0), 0, {}, loaded.train.proteins);
    Sample test =
        gather_sample(comm, loaded.heldout.counts, loaded.heldout.labels, loaded.heldout.cell_index,
                      loaded.heldout.splits, static_cast<std::int8_t>(Split::kTest),
                      heldout_latent_distance.value_or(std::vector<double>()), loaded.heldout.proteins);
    input.protein_names = summary.protein_names;
    AtlasShard atlas =
        read_generated(comm, generated, "X", summary.label_names.empty() ? "" : label_column(config),
                       summary.protein_names.empty() ? "" : config.input.protein_obsm());
    const std::vector<std::int32_t> labels = agreed(comm, [&] {
        if (atlas.gene_names != summary.gene_names)
            throw InputError(generated.string() + ": its genes are not those of " + prepared.string() +
                             "; to compare files with other genes: lapatlas evaluate " + generated.string() +
                             " --reference REAL.h5ad");
        if (atlas.protein_names != summary.protein_names)
            throw InputError(generated.string() +
                             ": its antibody counts are of other proteins than those of " +
                             prepared.string());
        return translate(atlas, summary.label_names, generated);
    });
    const std::int64_t cells = atlas.num_cells;
    const std::vector<double> distances = agreed(comm, [&] {
        return heldout_latent_distance ? written_distances(generated, atlas) : std::vector<double>();
    });
    Sample made = gather_sample(comm, atlas.counts, labels, global_rows(atlas),
                                std::vector<std::int8_t>(labels.size(), 0), 0, distances, atlas.proteins);
    if (cells > kMostEvaluatedCells)
        log.info("of " + std::to_string(cells) + " generated cells " + std::to_string(kMostEvaluatedCells) +
                 " are looked at, taken evenly");
    put_samples(std::move(train), std::move(test), std::move(made), input);
    return input;
}

EvaluationInput input_of_files(const Communicator& comm, const Config& config,
                               const std::filesystem::path& generated, Log& log) {
    if (config.prepare.communities != "none")
        throw ConfigError(
            "prepare.communities belong to a run; files are compared by input.label_key, or without "
            "labels");
    const std::string& label_key = config.input.label_key;
    AtlasShard real = read_atlas(comm, config.input, log);
    std::vector<Split> splits =
        split_cells(comm, real, config.input, static_cast<std::uint64_t>(config.runtime.seed));
    std::replace(splits.begin(), splits.end(), Split::kValidation, Split::kTrain);
    AtlasShard made = read_generated(comm, generated, "", label_key);

    const GeneMatches pairs = match_genes(real.gene_names, real.gene_ids, made.gene_names, made.gene_ids);
    if (static_cast<std::int64_t>(pairs.size()) < kFewestGenes)
        throw InputError(generated.string() + ": only " + std::to_string(pairs.size()) + " of its " +
                         std::to_string(made.gene_names.size()) + " genes are among the " +
                         std::to_string(real.gene_names.size()) + " of " + config.input.path +
                         "; are the names of one kind?");
    std::vector<std::int32_t> of_real, of_made;
    for (const auto& [left, right] : pairs) {
        of_real.push_back(left);
        of_made.push_back(right);
    }
    PackedCounts real_counts = select(real.counts, {}, of_real);
    PackedCounts made_counts = select(made.counts, {}, of_made);

    std::vector<std::uint8_t> is_train;
    std::vector<std::int8_t> part;
    for (const Split split : splits) {
        is_train.push_back(split == Split::kTrain ? 1 : 0);
        part.push_back(static_cast<std::int8_t>(split));
    }
    const GeneFilter genes = choose_genes(comm, real_counts, is_train, config.prepare.min_cells);
    real_counts = select(real_counts, {}, genes.kept);
    made_counts = select(made_counts, {}, genes.kept);
    log.info(std::to_string(pairs.size()) + " genes are in both files (" +
             std::to_string(real.gene_names.size()) + " and " + std::to_string(made.gene_names.size()) +
             "); " + std::to_string(genes.kept.size()) + " in at least " +
             std::to_string(config.prepare.min_cells) + " training cells are compared");
    const std::vector<std::int32_t> made_labels =
        agreed(comm, [&] { return translate(made, real.label_names, generated); });

    EvaluationInput input;
    input.label_names = real.label_names;
    for (const std::int32_t gene : genes.kept)
        input.gene_names.push_back(
            real.gene_names[static_cast<std::size_t>(of_real[static_cast<std::size_t>(gene)])]);
    input.target_sum = config.prepare.target_sum;
    input.unconditional = real.label_names.empty();
    const std::vector<std::int64_t> rows = global_rows(real);
    Sample train =
        gather_sample(comm, real_counts, real.labels, rows, part, static_cast<std::int8_t>(Split::kTrain));
    Sample test =
        gather_sample(comm, real_counts, real.labels, rows, part, static_cast<std::int8_t>(Split::kTest));
    Sample sample = gather_sample(comm, made_counts, made_labels, global_rows(made),
                                  std::vector<std::int8_t>(made_labels.size(), 0), 0);
    put_samples(std::move(train), std::move(test), std::move(sample), input);
    return input;
}

}  // namespace lapatlas
