#include "src/inspect.hpp"
#include "src/config/config.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <vector>

#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "src/generate/cell_plan.hpp"
#include "src/io/atlas_files.hpp"
#include "src/io/prepared_file.hpp"
#include "src/run_folder.hpp"
#include "src/train/checkpoint.hpp"

namespace lapatlas {

namespace {

std::string line(const std::string& name, const std::string& value) {
    char text[256];
    std::snprintf(text, sizeof text, "  %-26s %s\n", name.c_str(), value.c_str());
    return text;
}

std::string number(double value) {
    char text[48];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
}

/// A histogram of the degrees as text bars, in powers of two.
std::string degree_picture(const std::vector<std::int64_t>& graph_offsets) {
    std::map<int, std::int64_t> buckets;
    for (std::size_t r = 0; r + 1 < graph_offsets.size(); ++r) {
        const std::int64_t degree = graph_offsets[r + 1] - graph_offsets[r];
        int bucket = 0;
        while ((std::int64_t{2} << bucket) <= degree) ++bucket;
        ++buckets[bucket];
    }
    std::int64_t largest = 1;
    for (const auto& [bucket, count] : buckets) largest = std::max(largest, count);
    std::string picture;
    for (const auto& [bucket, count] : buckets) {
        const std::string range =
            std::to_string(std::int64_t{1} << bucket) + "-" + std::to_string((std::int64_t{2} << bucket) - 1);
        picture += line("degree " + range, std::string(static_cast<std::size_t>(40 * count / largest), '#') +
                                               " " + std::to_string(count));
    }
    return picture;
}

std::string describe_parts(const std::filesystem::path& path, const PreparedSummary& summary, int num_parts) {
    const IndexMap map = place_on_ranks(summary, num_parts);
    std::string text =
        "parts for " + std::to_string(num_parts) + " ranks (training cells, ghosts, ghosts/own)\n";
    std::int64_t largest = 0;
    for (int part = 0; part < num_parts; ++part) {
        const PreparedRows rows = read_prepared_rows(path, summary, map, part);
        std::set<std::int64_t> ghosts;
        for (const std::int64_t column : rows.graph_columns)
            if (map.owner(column) != part) ghosts.insert(column);
        const std::int64_t own = map.num_rows_of_rank(part);
        largest = std::max(largest, own);
        text += line("part " + std::to_string(part),
                     std::to_string(own) + "  " + std::to_string(ghosts.size()) + "  " +
                         number(own > 0 ? static_cast<double>(ghosts.size()) / static_cast<double>(own) : 0));
    }
    return text + line("balance (largest/mean)",
                       number(static_cast<double>(largest) * num_parts /
                              static_cast<double>(std::max<std::int64_t>(1, summary.num_train))));
}

std::string describe_prepared(const std::filesystem::path& path, int num_parts) {
    const PreparedSummary summary = read_prepared_summary(path);
    std::string text = path.string() + ": prepared dataset\n";
    text += line("counts from", summary.matrix_name);
    text += line("cells read", std::to_string(summary.num_cells));
    text += line("training cells", std::to_string(summary.num_train));
    text += line("held-out cells", std::to_string(summary.num_heldout));
    text += line("genes", std::to_string(summary.gene_names.size()));
    if (!summary.protein_names.empty())
        text += line("proteins", std::to_string(summary.protein_names.size()));
    text += line("labels", std::to_string(summary.label_names.size()));
    text += line("clusters", std::to_string(summary.cluster_weights.size()));
    text += line("positional encodings", std::to_string(summary.num_encodings));
    if (!summary.eigenvalues.empty())
        text += line("eigenvalues",
                     number(summary.eigenvalues.front()) + " .. " + number(summary.eigenvalues.back()));
    for (const auto& [name, value] : summary.figures) text += line(name, number(value));
    const Hdf5File file = Hdf5File::open(path);
    text += degree_picture(file.read<std::int64_t>("train/graph/indptr"));
    return text + describe_parts(path, summary, num_parts);
}

std::string describe_checkpoint(const std::filesystem::path& path) {
    const Checkpoint checkpoint = read_checkpoint(path);
    std::string text = path.string() + ": checkpoint\n";
    for (const auto& [name, value] : checkpoint.counters) text += line(name, std::to_string(value));
    for (const auto& [name, value] : checkpoint.numbers) text += line(name, number(value));
    std::int64_t parameters = 0;
    for (const auto& [name, tensor] : checkpoint.tensors)
        if (name.starts_with("encoder/") || name.starts_with("decoder/") || name.starts_with("score_net/"))
            parameters += tensor.numel();
    text += line("parameters", std::to_string(parameters));
    const KnownConditions known{checkpoint.label_names, checkpoint.batch_names,
                                checkpoint.cells_of_conditions()};
    const std::vector<std::int64_t> of_labels = known.cells_of_labels();
    for (std::size_t l = 0; l < known.label_names.size(); ++l)
        text += line("type " + known.label_names[l], std::to_string(of_labels[l]) + " training cells");
    for (std::size_t b = 0; b < known.batch_names.size(); ++b) {
        std::int64_t cells = 0;
        for (const std::int64_t of_label : known.cells_of_labels(static_cast<std::int32_t>(b)))
            cells += of_label;
        text += line("batch " + known.batch_names[b], std::to_string(cells) + " training cells");
    }
    return text;
}

}  // namespace

std::string inspect(const std::filesystem::path& path, int num_parts) {
    if (!std::filesystem::is_directory(path)) {
        const auto format = Hdf5File::open(path).string_attribute("", "format");
        if (format == "lapatlas-checkpoint") return describe_checkpoint(path);
        return describe_prepared(path, num_parts);
    }
    const RunFolder run{path};
    if (!std::filesystem::exists(run.config()))
        throw InputError(path.string() + ": not a run's folder (no config.toml in it)");
    std::string text;
    if (std::filesystem::exists(run.prepared())) text += describe_prepared(run.prepared(), num_parts);
    if (std::filesystem::exists(run.checkpoint())) text += describe_checkpoint(run.checkpoint());
    for (const auto& file :
         {run.metrics(), written_atlas(run.atlas(), read_config(run.config()).generate.shards),
          run.evaluation(), run.report()})
        text +=
            line(file.filename().string(), std::filesystem::exists(file)
                                               ? std::to_string(std::filesystem::file_size(file)) + " bytes"
                                               : "not there");
    return text;
}

}  // namespace lapatlas
