#include "src/embed_figures.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/even_sample.hpp"
#include "src/evaluate/cluster_agreement.hpp"
#include "src/evaluate/space_figures.hpp"

namespace lapatlas {

void say_agreement(const Communicator& comm, const AtlasShard& atlas, const PreparedSummary& summary,
                   const std::vector<std::int32_t>& predicted, Log& log) {
    std::vector<std::int32_t> truth, said;
    for (std::size_t r = 0; r < predicted.size(); ++r) {
        if (atlas.labels[r] < 0) continue;
        const std::string& name = atlas.label_names[static_cast<std::size_t>(atlas.labels[r])];
        const auto found = std::find(summary.label_names.begin(), summary.label_names.end(), name);
        if (found == summary.label_names.end()) continue;
        truth.push_back(static_cast<std::int32_t>(found - summary.label_names.begin()));
        said.push_back(predicted[r]);
    }
    truth = all_gather_v<std::int32_t>(comm, truth);
    said = all_gather_v<std::int32_t>(comm, said);
    if (truth.empty()) return;
    double right = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) right += truth[i] == said[i] ? 1 : 0;
    char text[160];
    std::snprintf(text, sizeof text,
                  "of %zu cells with a label of the model: accuracy %.3f, ARI %.3f, NMI %.3f", truth.size(),
                  right / static_cast<double>(truth.size()), adjusted_rand_index(truth, said),
                  normalised_mutual_information(truth, said));
    log.info(text);
}

void judge_latents(const Communicator& comm, const AtlasShard& atlas, std::span<const float> latents,
                   std::int64_t width, std::uint64_t seed, const std::filesystem::path& path,
                   const std::map<std::string, std::string>& provenance, Log& log) {
    constexpr std::int64_t kMostJudged = 5000;
    std::vector<std::int32_t> labels;
    std::vector<float> values;
    for (std::size_t i = 0; i < atlas.labels.size(); ++i) {
        if (atlas.labels[i] < 0) continue;
        if (!is_in_even_sample(atlas.first_cell + static_cast<std::int64_t>(i), atlas.num_cells, kMostJudged))
            continue;
        labels.push_back(atlas.labels[i]);
        const auto own =
            latents.subspan(i * static_cast<std::size_t>(width), static_cast<std::size_t>(width));
        values.insert(values.end(), own.begin(), own.end());
    }
    labels = gather_v<std::int32_t>(comm, labels);
    values = gather_v<float>(comm, values);
    const std::string text = agreed(comm, [&] {
        if (!comm.is_root() || labels.empty()) return std::string();
        const SpaceFigures figures = figures_of_space(points_of(values, width), labels, seed);
        const nlohmann::json all = {{"format", "lapatlas-embedding-figures"},
                                    {"cells", labels.size()},
                                    {"latents", json_of(figures)},
                                    {"provenance", provenance}};
        write_whole_file(path, all.dump(2) + '\n');
        char line[200];
        std::snprintf(
            line, sizeof line,
            "latents of %zu labelled cells: ARI %.3f, NMI %.3f, homogeneity %.3f (Leiden), silhouette %.3f",
            labels.size(), figures.leiden_ari, figures.leiden_nmi, figures.leiden_homogeneity,
            figures.silhouette);
        return std::string(line);
    });
    if (!text.empty()) log.info(text);
}

}  // namespace lapatlas
