#include "src/evaluate/space_figures.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "src/evaluate/best_communities.hpp"
#include "src/evaluate/cluster_agreement.hpp"
#include "src/evaluate/kmeans_groups.hpp"
#include "src/evaluate/neighbour_mixing.hpp"

namespace lapatlas {

namespace {

double mean_clisi(const Points& cells, const std::vector<std::int32_t>& labels) {
    const std::vector<double> lisi = local_inverse_simpson(cells, labels);
    if (lisi.empty()) return std::nan("");
    return std::accumulate(lisi.begin(), lisi.end(), 0.0) / static_cast<double>(lisi.size());
}

}  // namespace

SpaceFigures SpaceFigures::none() {
    const double nan = std::nan("");
    return {nan, nan, nan, nan, nan, nan, nan, nan, nan};
}

std::vector<std::pair<std::string, double>> SpaceFigures::named() const {
    return {{"silhouette", silhouette},
            {"clisi", clisi},
            {"cosine_clisi", cosine_clisi},
            {"ari", ari},
            {"nmi", nmi},
            {"homogeneity", homogeneity},
            {"leiden_ari", leiden_ari},
            {"leiden_nmi", leiden_nmi},
            {"leiden_homogeneity", leiden_homogeneity}};
}

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
    figures.homogeneity = homogeneity(labels, groups);
    const CommunityAgreement communities = best_communities(cells, labels, seed);
    figures.leiden_ari = communities.ari;
    figures.leiden_nmi = communities.nmi;
    figures.leiden_homogeneity = communities.homogeneity;
    return figures;
}

Points points_of(const std::vector<float>& values, std::int64_t width) {
    return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
               values.data(), std::ssize(values) / width, width)
        .cast<Points::Scalar>();
}

nlohmann::json finite_json(double number) {
    return std::isfinite(number) ? nlohmann::json(number) : nlohmann::json();
}

nlohmann::json json_of(const SpaceFigures& figures) {
    nlohmann::json all = nlohmann::json::object();
    for (const auto& [name, figure] : figures.named()) all[name] = finite_json(figure);
    return all;
}

}  // namespace lapatlas
