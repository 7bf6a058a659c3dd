#include "src/prepare.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/memory_use.hpp"
#include "partition/components.hpp"
#include "partition/distributed_graph.hpp"
#include "partition/row_exchange.hpp"
#include "src/config/config.hpp"
#include "src/embed/positional_encoding.hpp"
#include "src/graph/cluster_graph.hpp"
#include "src/graph/community_labels.hpp"
#include "src/graph/knn.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/input_files.hpp"
#include "src/io/prepared_file.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/preprocess/filter.hpp"
#include "src/preprocess/highly_variable.hpp"
#include "src/preprocess/pca.hpp"
#include "src/preprocess/redistribute.hpp"
#include "src/preprocess/split.hpp"
#include "src/preprocess/split_file.hpp"

namespace lapatlas {

namespace {

/// A few numbers of each cell.
struct CellValues {
    std::int64_t width = 0;
    std::vector<float> values;  // [rows, width]
};

/// Cells of one kind (training or held out), dealt by block_of_rank.
struct Cells {
    std::int64_t total = 0;
    PackedCounts counts;
    std::vector<std::int64_t> cell_index;
    std::vector<std::int32_t> labels;
    std::vector<std::int32_t> batches;
    std::vector<std::int8_t> splits;
    CellValues covariates, proteins;
    std::vector<double> scores;  // [rows, components]
};

/// Collective. The cells reordered (and dealt again) by their new global rows; what has been dealt is freed.
Cells reorder(const Communicator& comm, Cells cells, std::span<const std::int64_t> new_rows,
              std::int64_t components) {
    Cells moved;
    moved.total = cells.total;
    moved.counts = deal_rows(comm, cells.counts, new_rows, cells.total);
    cells.counts = PackedCounts();
    moved.cell_index = deal_rows<std::int64_t>(comm, cells.cell_index, 1, new_rows, cells.total);
    moved.labels = deal_rows<std::int32_t>(comm, cells.labels, 1, new_rows, cells.total);
    moved.batches = deal_rows<std::int32_t>(comm, cells.batches, 1, new_rows, cells.total);
    moved.splits = deal_rows<std::int8_t>(comm, cells.splits, 1, new_rows, cells.total);
    for (const auto member : {&Cells::covariates, &Cells::proteins}) {
        const CellValues& of_cells = cells.*member;
        (moved.*member).width = of_cells.width;
        if (of_cells.width > 0)
            (moved.*member).values =
                deal_rows<float>(comm, of_cells.values, of_cells.width, new_rows, cells.total);
    }
    if (!cells.scores.empty() || components > 0)
        moved.scores = deal_rows<double>(comm, cells.scores, components, new_rows, cells.total);
    return moved;
}

/// Collective. The rows with a nonzero entry in `chosen` over `genes`, dealt evenly again in their present
/// order. The last to choose frees the atlas's counts before its own are dealt.
Cells choose(const Communicator& comm, AtlasShard& atlas, const std::vector<Split>& splits,
             const std::vector<std::int32_t>& genes, std::span<const std::uint8_t> chosen, bool is_last) {
    Cells cells;
    cells.covariates.width = std::ssize(atlas.covariate_columns);
    cells.proteins.width = std::ssize(atlas.protein_names);
    const auto copy_row = [](const std::vector<float>& from, std::size_t row, CellValues& to) {
        const auto own = from.begin() + static_cast<std::ptrdiff_t>(row) * to.width;
        to.values.insert(to.values.end(), own, own + to.width);
    };
    cells.counts = select(atlas.counts, chosen, genes);
    if (is_last) atlas.counts = PackedCounts();
    for (std::size_t r = 0; r < chosen.size(); ++r) {
        if (chosen[r] == 0) continue;
        cells.cell_index.push_back(atlas.first_cell + static_cast<std::int64_t>(r));
        cells.labels.push_back(atlas.labels[r]);
        cells.batches.push_back(atlas.batches.empty() ? 0 : atlas.batches[r]);
        cells.splits.push_back(static_cast<std::int8_t>(splits[r]));
        copy_row(atlas.covariates, r, cells.covariates);
        copy_row(atlas.proteins, r, cells.proteins);
    }
    const auto mine = static_cast<std::int64_t>(cells.labels.size());
    cells.total = all_reduce_sum(comm, mine);
    std::vector<std::int64_t> rows(cells.labels.size());
    std::iota(rows.begin(), rows.end(), exclusive_sum(comm, mine));
    return reorder(comm, std::move(cells), rows, 0);
}

void warn_of_rare_types(const Communicator& comm, const AtlasShard& atlas, const Cells& train, Log& log) {
    std::vector<std::int64_t> counts(atlas.label_names.size(), 0);
    for (const std::int32_t label : train.labels)
        if (label >= 0) ++counts[static_cast<std::size_t>(label)];
    all_reduce_sum(comm, std::span<std::int64_t>(counts));
    std::string rare;
    int all = 0;
    for (std::size_t l = 0; l < counts.size(); ++l)
        if (counts[l] < 10 && ++all <= 12)
            rare +=
                (rare.empty() ? "'" : ", '") + atlas.label_names[l] + "' (" + std::to_string(counts[l]) + ")";
    if (all > 12) rare += " and " + std::to_string(all - 12) + " more; is input.label_key a column of types?";
    if (!rare.empty()) log.warning("types with fewer than 10 training cells can hardly be modelled: " + rare);
}

/// By value: what is given away is freed.
std::vector<float> to_float(std::vector<double> values) { return {values.begin(), values.end()}; }

/// Sizes and times of the input's files; empty where there is none.
std::string input_identity(const std::string& input) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::vector<fs::path> files;
    for (const fs::path path : input_files(input)) {  // in the order given: it is that of the cells
        if (fs::is_regular_file(path, error)) files.push_back(path);
        std::vector<fs::path> of_folder;
        if (fs::is_directory(path, error))
            for (const auto& entry : fs::directory_iterator(path, error))
                if (entry.is_regular_file(error)) of_folder.push_back(entry.path());
        std::sort(of_folder.begin(), of_folder.end());
        files.insert(files.end(), of_folder.begin(), of_folder.end());
    }
    std::ostringstream text;
    for (const fs::path& file : files)
        text << file.filename().string() << ": " << fs::file_size(file, error) << " bytes of "
             << fs::last_write_time(file, error).time_since_epoch().count() << ";";
    return text.str();
}

/// The same of all that a configuration reads; empty if any of it is not there.
std::string identity_of_inputs(const Config& config) {
    std::string cells = input_identity(config.input.path);
    if (cells.empty() || config.input.protein_path.empty()) return cells;
    const std::string proteins = input_identity(config.input.protein_path);
    return proteins.empty() ? "" : cells + "proteins " + proteins;
}

}  // namespace

bool decides_preparation(const std::string& name) {
    return (name.starts_with("input.") && name != "input.path" && name != "input.protein_path") ||
           name.starts_with("prepare.") || name == "runtime.seed" || name == "train.use_validation";
}

std::string prepare_fingerprint(const Config& config) {
    std::ostringstream text;
    for (const auto& [name, value] : list_options(config))
        if (decides_preparation(name)) text << name << "=" << value << ";";
    return text.str();
}

bool is_prepared_for(const std::string& fingerprint, const Config& config) {
    const std::string options = prepare_fingerprint(config), input = identity_of_inputs(config);
    return input.empty() ? fingerprint.starts_with(options) : fingerprint == options + input;
}

DataSize size_of(const PreparedSummary& summary) {
    return {summary.num_train, static_cast<std::int64_t>(summary.gene_names.size())};
}

Config prepare(const Backend& backend, const Config& given, const std::filesystem::path& path,
               const std::map<std::string, std::string>& provenance, Log& log) {
    const StageMemory memory;
    const Communicator& comm = backend.comm();
    Config config = given;
    const PrepareOptions& options = config.prepare;
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    agreed(comm, [&] {
        if (comm.is_root()) require_writable(path);
    });

    log.stage("read " + config.input.path);
    AtlasShard atlas = read_atlas(comm, config.input, log);
    log.info(std::to_string(atlas.num_cells) + " cells, " + std::to_string(atlas.counts.num_genes()) +
             " genes, " + std::to_string(all_reduce_sum(comm, atlas.counts.num_nonzeros())) +
             " counts above zero in " + atlas.matrix_name);
    if (atlas.num_cells < comm.size())
        throw InputError(config.input.path + ": " + std::to_string(atlas.num_cells) +
                         " cells are fewer than the " + std::to_string(comm.size()) +
                         " ranks; start fewer ranks");

    require_batches(comm, atlas, config.input);

    log.stage("filter and split");
    std::vector<Split> splits = split_cells(comm, atlas, config.input, seed);
    if (config.train.use_validation)
        std::replace(splits.begin(), splits.end(), Split::kValidation, Split::kTrain);
    const CellFilter cell_filter =
        choose_cells(comm, atlas.counts, atlas.gene_names, options.min_genes, options.max_mito_fraction);
    std::vector<std::uint8_t> is_train, is_heldout;
    for (std::size_t r = 0; r < splits.size(); ++r) {
        is_train.push_back(cell_filter.keep[r] != 0 && splits[r] == Split::kTrain ? 1 : 0);
        is_heldout.push_back(cell_filter.keep[r] != 0 && splits[r] != Split::kTrain ? 1 : 0);
    }
    GeneFilter genes = choose_genes(comm, atlas.counts, is_train, options.min_cells);
    const std::size_t expressed = genes.kept.size();
    keep_most_variable(comm, atlas.counts, is_train, options.keep_variable_genes, genes.kept);
    // The larger part last.
    Cells heldout = choose(comm, atlas, splits, genes.kept, is_heldout, false);
    Cells train = choose(comm, atlas, splits, genes.kept, is_train, true);
    log.info(std::to_string(train.total) + " training and " + std::to_string(heldout.total) +
             " held-out cells, " + std::to_string(expressed) + " genes in at least " +
             std::to_string(options.min_cells) + " training cells" +
             (genes.kept.size() == expressed
                  ? ""
                  : ", of which the " + std::to_string(genes.kept.size()) + " most variable stay"));
    if (train.total < std::max(3, comm.size()))
        throw InputError(config.input.path + ": " + std::to_string(train.total) +
                         " training cells are too few for " + std::to_string(comm.size()) + " ranks");
    warn_of_rare_types(comm, atlas, train, log);
    measure_covariates(comm, train.covariates.values, atlas.covariate_columns);
    config = derive_from_size(given, {train.total, static_cast<std::int64_t>(genes.kept.size())});
    if (const std::string derived = difference(given, config); !derived.empty())
        log.info("from the size of the data: " + derived);

    log.stage("principal components");
    const HighlyVariableGenes variable = choose_highly_variable(
        comm, train.counts, std::vector<std::uint8_t>(train.labels.size(), 1), options.highly_variable_genes);
    std::vector<std::int32_t> graph_genes;
    if (options.highly_variable_genes > 0 && options.highly_variable_genes < train.counts.num_genes())
        graph_genes = variable.chosen;
    const PcaOptions pca_options{.components = options.pca_components, .seed = seed};
    PcaResult components = [&] {
        const LogCounts seen(train.counts, options.target_sum, graph_genes);
        return pca(*backend.centred_gram(seen), pca_options);
    }();
    const std::int64_t num_components = components.pca.num_components;
    train.scores = std::move(components.scores);
    heldout.scores = project(LogCounts(heldout.counts, options.target_sum, graph_genes), components.pca);
    if (num_components < options.pca_components)
        log.warning("only " + std::to_string(num_components) + " principal components exist");
    if (!components.pca.converged)
        log.warning("the PCA stopped at its largest number of passes; its last components are less exact");

    log.stage("nearest neighbours");
    const BlockSearch& search = backend.block_search();
    const bool exact = train.total / search.reach(options.k) <= options.exact_knn_below;
    KnnGraph knn, edges;  // of training cells, and from held-out cells to them
    if (exact) {
        knn = knn_exact(comm, train.scores, num_components, options.k, search);
    } else {
        const NeighbourIndex index(comm, train.scores, num_components, options.k, {.seed = seed});
        knn = index.graph();
        edges = index.query(heldout.scores);
    }
    if (knn.k < options.k)
        log.warning("k lowered from " + std::to_string(options.k) + " to " + std::to_string(knn.k) +
                    ": there are only " + std::to_string(train.total) + " training cells");
    const double recall = knn_recall(comm, train.scores, num_components, knn, 1000, seed);
    log.info(std::string(exact ? "exact" : "approximate") + ", recall " + std::to_string(recall) +
             " on a sample");
    if (recall < 0.99) log.warning("recall of the nearest neighbours is below 0.99");

    log.stage("graph and clusters");
    DistributedGraph graph = symmetrise(comm, train.total, knn.neighbours, knn.k);
    knn.neighbours = {};
    const std::int64_t num_clusters = options.clusters;
    std::vector<std::int32_t> weights;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        weights.push_back(static_cast<std::int32_t>(train.counts.row_size(r) + graph.degree(r)));
    PreparedSummary summary;
    Clusters clusters = make_clusters(comm, graph, weights, options.clusters, options.partitioner);
    const std::vector<std::int64_t> new_rows =
        rows_ordered_by_key(comm, clusters.of_row, num_clusters, summary.cluster_offsets);
    graph = rename_rows(comm, graph, new_rows);
    train = reorder(comm, std::move(train), new_rows, num_components);

    log.stage("positional encodings");
    const Components parts = find_components(comm, graph);
    const ClusteredRows clustered{
        summary.cluster_offsets,
        {clusters.graph.offsets, clusters.graph.neighbours, clusters.graph.edges, clusters.weights}};
    PositionalEncoding encoding = positional_encoding(
        comm, graph, parts, {.count = options.encodings, .seed = seed, .clusters = clustered},
        [&](const Communicator&, const GraphShard& shard, const TrivialVectors& trivial) {
            return backend.spectral_operator(shard, trivial);
        });
    if (encoding.count < options.encodings)
        log.warning("encodings lowered to " + std::to_string(encoding.count) +
                    ": the graph has no more eigenvectors");
    log.info(std::to_string(parts.count) + " connected components, largest residual " +
             std::to_string(encoding.largest_residual) + " after " + std::to_string(encoding.block_products) +
             " products");

    log.stage("held-out cells");
    const std::int64_t k_heldout = std::min(options.k, train.total);
    if (exact)
        edges = knn_query(comm, heldout.scores, train.scores, num_components, k_heldout, search);
    else
        edges.neighbours = fetch_rows<std::int64_t>(comm, train.total, new_rows, 1, edges.neighbours);
    // A held-out cell lives with its nearest training cell's cluster, so that its edges stay on one rank
    // mostly.
    std::vector<std::int32_t> home;
    for (std::size_t i = 0; i < heldout.labels.size(); ++i) {
        const std::int64_t nearest = edges.neighbours[i * static_cast<std::size_t>(edges.k)];
        home.push_back(static_cast<std::int32_t>(
            std::upper_bound(summary.cluster_offsets.begin(), summary.cluster_offsets.end(), nearest) -
            summary.cluster_offsets.begin() - 1));
    }
    const std::vector<std::int64_t> heldout_rows =
        rows_ordered_by_key(comm, home, num_clusters, summary.heldout_offsets);
    heldout = reorder(comm, std::move(heldout), heldout_rows, num_components);
    edges.neighbours = deal_rows<std::int64_t>(comm, edges.neighbours, edges.k, heldout_rows, heldout.total);
    const std::vector<double> heldout_encodings =
        extend_encoding(comm, graph, encoding, edges.neighbours, edges.k);

    if (options.communities != "none") {
        log.stage("communities");
        atlas.label_names = label_by_communities(
            comm, graph,
            {.method = options.communities, .resolution = options.community_resolution, .seed = seed},
            train.labels);
        heldout.labels = labels_of_most_neighbours(comm, graph, train.labels, edges);
        log.info(std::to_string(atlas.label_names.size()) + " by " + options.communities);
    }
    log.stage("write " + path.string());
    summary.gene_names.reserve(genes.kept.size());
    for (const std::int32_t gene : genes.kept) {
        summary.gene_names.push_back(atlas.gene_names[static_cast<std::size_t>(gene)]);
        if (!atlas.gene_ids.empty())
            summary.gene_ids.push_back(atlas.gene_ids[static_cast<std::size_t>(gene)]);
    }
    summary.gene_columns = columns_of_genes(atlas.gene_columns, genes.kept);
    summary.label_names = atlas.label_names;
    summary.batch_names = atlas.batch_names;
    summary.covariate_columns = atlas.covariate_columns;
    summary.protein_names = atlas.protein_names;
    summary.num_cells = atlas.num_cells;
    summary.num_train = train.total;
    summary.num_heldout = heldout.total;
    summary.num_encodings = encoding.count;
    summary.num_neighbours = edges.k;
    summary.cluster_graph_offsets = std::move(clusters.graph.offsets);
    summary.cluster_graph_neighbours = std::move(clusters.graph.neighbours);
    summary.cluster_graph_edges = std::move(clusters.graph.edges);
    summary.cluster_weights = std::move(clusters.weights);
    summary.eigenvalues = encoding.eigenvalues;
    summary.singular_values = components.pca.singular_values;
    summary.gene_ranking = variable.ranking;
    summary.graph_genes = graph_genes;
    summary.pca_mean = components.pca.mean;
    summary.pca_loadings = components.pca.loadings;
    summary.matrix_name = atlas.matrix_name;
    summary.fingerprint = prepare_fingerprint(config) + identity_of_inputs(config);
    std::int64_t largest_degree = 0;
    for (std::int64_t r = 0; r < graph.rows.size(); ++r)
        largest_degree = std::max(largest_degree, graph.degree(r));
    const double nnz = static_cast<double>(all_reduce_sum(comm, train.counts.num_nonzeros()));
    summary.figures = {
        {"knn_recall", recall},
        {"knn_k", static_cast<double>(knn.k)},
        {"components", static_cast<double>(parts.count)},
        {"edges", static_cast<double>(clusters.graph.all_edges / 2)},
        {"largest_degree", static_cast<double>(all_reduce_max(comm, largest_degree))},
        {"cluster_cut_share",
         clusters.graph.all_edges == 0
             ? 0.0
             : static_cast<double>(clusters.graph.cut_edges) / static_cast<double>(clusters.graph.all_edges)},
        {"density", nnz / static_cast<double>(train.total) / static_cast<double>(genes.kept.size())},
        {"largest_eigen_residual", encoding.largest_residual},
    };

    write_split_file(comm, path.parent_path() / "split.csv", atlas.cell_names, splits, cell_filter.keep);
    atlas.cell_names = {};
    PreparedRows train_rows{std::move(train.counts),
                            std::move(train.cell_index),
                            std::move(train.labels),
                            std::move(train.batches),
                            std::move(train.covariates.values),
                            std::move(train.proteins.values),
                            to_float(std::move(encoding.vectors)),
                            to_float(std::move(train.scores)),
                            std::move(graph.row_offsets),
                            std::move(graph.columns)};
    HeldoutRows held{std::move(heldout.counts),
                     std::move(heldout.cell_index),
                     std::move(heldout.labels),
                     std::move(heldout.batches),
                     std::move(heldout.covariates.values),
                     std::move(heldout.proteins.values),
                     std::move(heldout.splits),
                     to_float(heldout_encodings),
                     std::move(edges.neighbours),
                     {}};
    write_prepared(comm, path, summary, train_rows, held, provenance);
    backend.end_stage();
    log.info(memory.text(comm));
    return config;
}

}  // namespace lapatlas
