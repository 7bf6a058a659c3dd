#include "src/denoise/denoise_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dist/durable_file.hpp"
#include "src/evaluate/cluster_agreement.hpp"
#include "src/evaluate/kmeans_groups.hpp"
#include "src/evaluate/neighbour_mixing.hpp"

namespace lapatlas {

namespace {

nlohmann::json json_of(double number) {
    return std::isfinite(number) ? nlohmann::json(number) : nlohmann::json();
}

double mean_clisi(const Points& cells, const std::vector<std::int32_t>& labels) {
    const std::vector<double> lisi = local_inverse_simpson(cells, labels);
    if (lisi.empty()) return std::nan("");
    return std::accumulate(lisi.begin(), lisi.end(), 0.0) / static_cast<double>(lisi.size());
}

nlohmann::json json_of(const SpaceFigures& figures) {
    return {{"silhouette", json_of(figures.silhouette)},
            {"clisi", json_of(figures.clisi)},
            {"cosine_clisi", json_of(figures.cosine_clisi)},
            {"ari", json_of(figures.ari)},
            {"nmi", json_of(figures.nmi)}};
}

}  // namespace

SpaceFigures figures_of_space(const Points& cells, const std::vector<std::int32_t>& labels,
                              std::uint64_t seed) {
    SpaceFigures figures;
    figures.silhouette = cosine_silhouette(cells, labels);
    figures.clisi = mean_clisi(cells, labels);
    figures.cosine_clisi = mean_clisi(cells.rowwise().normalized(), labels);
    std::vector<std::int32_t> kinds = labels;
    std::sort(kinds.begin(), kinds.end());
    kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
    const std::vector<std::int32_t> groups = kmeans_groups(cells, std::ssize(kinds), seed);
    figures.ari = adjusted_rand_index(labels, groups);
    figures.nmi = normalised_mutual_information(labels, groups);
    return figures;
}

std::vector<Calibration> calibrate(const LabelVotes& votes, const std::vector<std::int32_t>& truth) {
    std::vector<Calibration> all;
    const auto width = static_cast<std::size_t>(votes.num_labels);
    for (const double level : {0.5, 0.8, 0.95}) {
        Calibration one{level};
        double cells = 0;
        for (std::size_t i = 0; i < truth.size(); ++i) {
            if (truth[i] < 0 || votes.best[i] < 0) continue;
            const auto set = confidence_set(std::span(votes.probabilities).subspan(i * width, width), level);
            one.holds += std::find(set.begin(), set.end(), truth[i]) != set.end() ? 1 : 0;
            one.mean_size += static_cast<double>(set.size());
            ++cells;
        }
        if (cells == 0) return {};
        one.holds /= cells;
        one.mean_size /= cells;
        all.push_back(one);
    }
    return all;
}

std::string table_of(const DenoiseFigures& figures) {
    char line[160];
    std::snprintf(line, sizeof line, "%lld labelled cells of the query\n%-12s%12s%12s\n",
                  static_cast<long long>(figures.num_cells), "", "PCA", "DICE");
    std::string text = line;
    const auto add = [&](const char* name, double pca, double dice) {
        std::snprintf(line, sizeof line, "%-12s%12.4f%12.4f\n", name, pca, dice);
        text += line;
    };
    add("silhouette", figures.pca.silhouette, figures.dice.silhouette);
    add("cLISI", figures.pca.clisi, figures.dice.clisi);
    add("cLISI, cos", figures.pca.cosine_clisi, figures.dice.cosine_clisi);
    add("ARI", figures.pca.ari, figures.dice.ari);
    add("NMI", figures.pca.nmi, figures.dice.nmi);
    for (const Calibration& one : figures.calibration) {
        std::snprintf(line, sizeof line,
                      "label sets at %.0f %% hold the truth in %.1f %%, %.2f labels a set\n", 100 * one.level,
                      100 * one.holds, one.mean_size);
        text += line;
    }
    return text;
}

void write_denoise_figures(const std::filesystem::path& path, const DenoiseFigures& figures,
                           const std::map<std::string, std::string>& provenance) {
    nlohmann::json all = {{"format", "lapatlas-denoise-figures"},  {"cells", figures.num_cells},
                          {"pca", json_of(figures.pca)},           {"dice", json_of(figures.dice)},
                          {"accuracy", json_of(figures.accuracy)}, {"provenance", provenance}};
    for (const Calibration& one : figures.calibration)
        all["calibration"].push_back(
            {{"level", one.level}, {"holds", one.holds}, {"mean_size", one.mean_size}});
    write_whole_file(path, all.dump(2) + '\n');
}

}  // namespace lapatlas
