#include "src/denoise/denoise_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/even_sample.hpp"

namespace lapatlas {

namespace {

/// Cells of the query whose labels figures are made of, at most: they compare all with all.
constexpr std::int64_t kMostJudged = 5000;

/// A sample of the query's labelled cells, on the root.
struct JudgedCells {
    std::vector<float> pca, aligned, dice;    // [cells, width]
    std::vector<std::int32_t> labels, truth;  ///< of the query; by the reference's names, -1: unknown there
    LabelVotes votes;
};

JudgedCells gather_judged(const Communicator& comm, const DenoiseInput& input,
                          const DenoisedQuery& denoised) {
    JudgedCells own;
    const auto take = [](auto& to, const auto& from, std::size_t row, std::int64_t width) {
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(row) * width;
        to.insert(to.end(), begin, begin + width);
    };
    const AtlasShard& query = input.query;
    for (std::size_t i = 0; i < query.labels.size(); ++i) {
        if (query.labels[i] < 0) continue;
        if (!is_in_even_sample(query.first_cell + static_cast<std::int64_t>(i), query.num_cells, kMostJudged))
            continue;
        take(own.pca, denoised.pca, i, denoised.width);
        if (!denoised.aligned.empty()) take(own.aligned, denoised.aligned, i, denoised.width);
        take(own.dice, denoised.dice, i, denoised.width);
        own.labels.push_back(query.labels[i]);
        const std::string& name = query.label_names[static_cast<std::size_t>(query.labels[i])];
        const auto found = std::find(input.label_names.begin(), input.label_names.end(), name);
        own.truth.push_back(found == input.label_names.end()
                                ? -1
                                : static_cast<std::int32_t>(found - input.label_names.begin()));
        if (denoised.votes.best.empty()) continue;
        take(own.votes.probabilities, denoised.votes.probabilities, i, denoised.votes.num_labels);
        own.votes.best.push_back(denoised.votes.best[i]);
    }
    JudgedCells all;
    all.pca = gather_v<float>(comm, own.pca);
    all.aligned = gather_v<float>(comm, own.aligned);
    all.dice = gather_v<float>(comm, own.dice);
    all.labels = gather_v<std::int32_t>(comm, own.labels);
    all.truth = gather_v<std::int32_t>(comm, own.truth);
    all.votes.num_labels = denoised.votes.num_labels;
    all.votes.probabilities = gather_v<float>(comm, own.votes.probabilities);
    all.votes.best = gather_v<std::int32_t>(comm, own.votes.best);
    return all;
}

/// Of the votes' first choice, over cells whose label the reference knows.
double accuracy_of(const JudgedCells& cells) {
    double right = 0, known = 0;
    for (std::size_t i = 0; i < cells.votes.best.size(); ++i)
        if (cells.truth[i] >= 0) {
            right += cells.truth[i] == cells.votes.best[i] ? 1 : 0;
            ++known;
        }
    return known > 0 ? right / known : std::nan("");
}

}  // namespace

DenoiseFigures judge_query(const Communicator& comm, const DenoiseInput& input, const DenoisedQuery& denoised,
                           std::uint64_t seed) {
    double shift = 0, squares = 0, entropy = 0;
    const auto width = static_cast<std::size_t>(denoised.width);
    const std::vector<float>& before = denoised.aligned.empty() ? denoised.pca : denoised.aligned;
    for (std::size_t cell = 0; cell < denoised.dice.size() / width; ++cell) {
        double distance = 0;
        for (std::size_t i = cell * width; i < (cell + 1) * width; ++i) {
            const double apart = static_cast<double>(denoised.dice[i]) - before[i];
            distance += apart * apart;
            squares += static_cast<double>(denoised.deviation[i]) * denoised.deviation[i];
        }
        shift += std::sqrt(distance);
    }
    for (const float one : denoised.votes.entropy) entropy += one;
    shift = all_reduce_sum(comm, shift);
    squares = all_reduce_sum(comm, squares);
    entropy = all_reduce_sum(comm, entropy);
    const JudgedCells cells = gather_judged(comm, input, denoised);
    return agreed(comm, [&] {
        DenoiseFigures figures;
        if (!comm.is_root()) return figures;
        const auto num_cells = static_cast<double>(input.query.num_cells);
        figures.shift = shift / num_cells;
        figures.spread = std::sqrt(squares / (num_cells * static_cast<double>(denoised.width)));
        figures.entropy = input.label_names.empty() ? std::nan("") : entropy / num_cells;
        figures.acceptance = denoised.acceptance;
        figures.num_cells = std::ssize(cells.labels);
        figures.accuracy = accuracy_of(cells);
        if (cells.labels.empty()) {
            figures.pca = figures.dice = SpaceFigures::none();
            return figures;
        }
        figures.pca = figures_of_space(points_of(cells.pca, denoised.width), cells.labels, seed);
        if (!cells.aligned.empty())
            figures.aligned = figures_of_space(points_of(cells.aligned, denoised.width), cells.labels, seed);
        figures.dice = figures_of_space(points_of(cells.dice, denoised.width), cells.labels, seed);
        if (!cells.votes.best.empty()) figures.calibration = calibrate(cells.votes, cells.truth);
        return figures;
    });
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
    if (figures.num_cells == 0) return "the query has no labels to hold its latents against\n";
    std::vector<std::pair<const char*, const SpaceFigures*>> spaces{{"PCA", &figures.pca}};
    if (figures.aligned) spaces.emplace_back("aligned", &*figures.aligned);
    spaces.emplace_back("DICE", &figures.dice);
    std::string text =
        std::to_string(figures.num_cells) + " labelled cells of the query\n" + std::string(12, ' ');
    for (const auto& [name, of_space] : spaces) {
        std::snprintf(line, sizeof line, "%12s", name);
        text += line;
    }
    const auto add = [&](const char* name, double SpaceFigures::*figure) {
        std::snprintf(line, sizeof line, "\n%-12s", name);
        text += line;
        for (const auto& [title, of_space] : spaces) {
            std::snprintf(line, sizeof line, "%12.4f", of_space->*figure);
            text += line;
        }
    };
    add("silhouette", &SpaceFigures::silhouette);
    add("cLISI", &SpaceFigures::clisi);
    add("cLISI, cos", &SpaceFigures::cosine_clisi);
    add("ARI k-means", &SpaceFigures::ari);
    add("NMI k-means", &SpaceFigures::nmi);
    add("ARI Leiden", &SpaceFigures::leiden_ari);
    add("NMI Leiden", &SpaceFigures::leiden_nmi);
    text += '\n';
    if (std::isfinite(figures.accuracy)) {
        std::snprintf(line, sizeof line, "labels of neighbours are right in %.1f %%\n",
                      100 * figures.accuracy);
        text += line;
    }
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
    nlohmann::json all = {{"format", "lapatlas-denoise-figures"},
                          {"cells", figures.num_cells},
                          {"pca", json_of(figures.pca)},
                          {"dice", json_of(figures.dice)},
                          {"accuracy", finite_json(figures.accuracy)},
                          {"shift", figures.shift},
                          {"spread", figures.spread},
                          {"entropy", finite_json(figures.entropy)},
                          {"acceptance", figures.acceptance},
                          {"provenance", provenance}};
    if (figures.aligned) all["aligned"] = json_of(*figures.aligned);
    for (const Calibration& one : figures.calibration)
        all["calibration"].push_back(
            {{"level", one.level}, {"holds", one.holds}, {"mean_size", one.mean_size}});
    write_whole_file(path, all.dump(2) + '\n');
}

}  // namespace lapatlas
