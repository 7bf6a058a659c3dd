#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "src/config/evaluate_options.hpp"
#include "src/evaluate/halving_plan.hpp"
#include "src/evaluate/points.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

struct FigureName {
    const char* key;
    const char* title;
    const char* space;
};

/// Every figure of an evaluation, in the order of the table.
inline constexpr std::array kFigureNames{
    FigureName{"pooled_rf_auc", "random forest AUC, pooled", "train-PCA"},
    FigureName{"conditional_rf_auc", "random forest AUC, per type", "train-PCA"},
    FigureName{"joint_rf_auc", "random forest AUC, pooled", "joint PCA"},
    FigureName{"pooled_knn_auc", "kNN AUC, pooled", "train-PCA"},
    FigureName{"conditional_knn_auc", "kNN AUC, per type", "train-PCA"},
    FigureName{"pooled_w2", "W2, pooled", "train-PCA"},
    FigureName{"conditional_w2", "W2, per type", "train-PCA"},
    FigureName{"pooled_mmd2_median", "MMD^2, median kernels, pooled", "train-PCA"},
    FigureName{"conditional_mmd2_median", "MMD^2, median kernels, per type", "train-PCA"},
    FigureName{"pooled_mmd2_published", "MMD^2, published kernels, pooled", "train-PCA"},
    FigureName{"conditional_mmd2_published", "MMD^2, published kernels, per type", "train-PCA"},
    FigureName{"pooled_lisi", "LISI of real and other cells, pooled", "train-PCA"},
    FigureName{"coverage", "coverage of real cells, pooled", "train-PCA"},
    FigureName{"density", "density around real cells, pooled", "train-PCA"},
    FigureName{"centroid_distance", "distance of centroids, per type", "train-PCA"},
    FigureName{"label_accuracy", "label agreement, accuracy", "train-PCA"},
    FigureName{"label_macro_f1", "label agreement, macro-F1", "train-PCA"},
    FigureName{"nearest_training_ratio", "distance to nearest training cell, ratio", "train-PCA"},
    FigureName{"latent_training_ratio", "distance to nearest training cell, ratio", "latent"},
    FigureName{"membership_auc", "membership inference AUC", "PCA of the other side"},
    FigureName{"label_silhouette", "cosine silhouette of types", "train-PCA"},
    FigureName{"label_lisi", "LISI of types (cLISI)", "train-PCA"},
    FigureName{"class_kl", "KL of type frequencies", "train-PCA"},
    FigureName{"trained_on_accuracy", "a classifier trained on it, accuracy", "train-PCA"},
    FigureName{"rare_type_recall", "recall of rare types, it added to real", "train-PCA"},
    FigureName{"gene_mean_pcc", "gene means, Pearson", "genes"},
    FigureName{"gene_mean_scc", "gene means, Spearman", "genes"},
    FigureName{"gene_variance_pcc", "gene variances, Pearson", "genes"},
    FigureName{"gene_dispersion_scc", "gene dispersions, Spearman", "genes"},
    FigureName{"zero_fraction_pcc", "zero fractions, Pearson", "genes"},
    FigureName{"zero_fraction_mad", "zero fractions, mean |difference|", "genes"},
    FigureName{"marker_overlap", "top 50 markers shared, per type", "genes"},
    FigureName{"log_fold_change_pcc", "log fold changes, Pearson, per type", "genes"},
    FigureName{"marker_correlation_pcc", "marker correlations, Pearson, per type", "genes"},
    FigureName{"library_ks", "library sizes, KS statistic", "counts"},
    FigureName{"published_pooled_w2", "W2, pooled", "test-PCA (published)"},
    FigureName{"published_conditional_w2", "W2, per type", "test-PCA (published)"},
};
inline constexpr std::size_t kNumFigures = kFigureNames.size();

/// Place of `key` in kFigureNames, found when compiling.
consteval std::size_t figure_index(const char* key) {
    for (std::size_t i = 0; i < kNumFigures; ++i) {
        const char *a = kFigureNames[i].key, *b = key;
        while (*a != '\0' && *a == *b) ++a, ++b;
        if (*a == *b) return i;
    }
    throw "no such figure";
}

/// Figures that each scored type has of its own.
inline constexpr std::array kTypeFigureNames{
    FigureName{"rf_auc", "random forest AUC", "train-PCA"},
    FigureName{"knn_auc", "kNN AUC", "train-PCA"},
    FigureName{"w2", "W2", "train-PCA"},
    FigureName{"mmd2_median", "MMD^2, median kernels", "train-PCA"},
    FigureName{"mmd2_published", "MMD^2, published kernels", "train-PCA"},
};
inline constexpr std::size_t kNumTypeFigures = kTypeFigureNames.size();

/// One kind of cells (test or generated) with all that the figures need of them. Rows are those of the plan.
struct SampleData {
    Points train_space;                          // [num_cells, pca_components]
    Points test_space;                           // [num_cells, pca_components], of the published space
    CountMatrix expression;                      // [num_cells, num_genes], log-normalised
    std::vector<double> library;                 // [num_cells]
    std::vector<std::int32_t> labels;            // [num_cells]
    std::vector<std::int32_t> predicted_labels;  // [num_cells], by the classifier trained on training cells
    std::vector<double> nearest_training_distance;  // [num_cells], in train-PCA
    std::vector<double> latent_distance;  // [num_cells], to the nearest training cell; empty: not known
};

/// Training cells that some halving draws.
struct DrawnTraining {
    Points train_space;                // [num_drawn, pca_components]
    Points test_space;                 // [num_drawn, pca_components], of the published space
    CountMatrix expression;            // [num_drawn, num_genes], log-normalised
    std::vector<std::int32_t> labels;  // [num_drawn]
};

/// How far test and drawn training cells lie from the nearest generated cell, in the principal components of
/// the generated cells.
struct GeneratedDistances {
    std::vector<double> test, training;  // [num_cells], [num_drawn]
};

struct FigureData {
    SampleData test, generated;
    DrawnTraining training;
    GeneratedDistances to_generated;
    HalvingPlan plan;
    bool use_labels = false;
    bool unconditional = false;  ///< generated without labels, though training cells may have some
    bool has_training_labels = false;
};

/// All figures of one side (generated cells, or the floor) of one halving. NaN: nothing qualified.
struct SideFigures {
    std::array<double, kNumFigures> figures;
    std::vector<std::array<double, kNumTypeFigures>> types;  // [num_types]
};

/// Scores one halving: the floor (half B) or the generated cells against half A. The random choices of the
/// classifiers are the same for both sides.
SideFigures score_halving(const FigureData& data, std::int64_t halving, bool floor,
                          const EvaluateOptions& options, std::uint64_t seed);

}  // namespace lapatlas
