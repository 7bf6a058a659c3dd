#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/evaluate_options.hpp"
#include "src/io/count_matrix.hpp"

namespace lapatlas {

/// What is compared: raw counts over the same genes. Needed on rank 0 only.
struct EvaluationInput {
    CountMatrix train, test, generated;
    // Index into label_names, -1 unlabelled; empty when there are no labels.
    std::vector<std::int32_t> train_labels, test_labels, generated_labels;
    // Row of each cell in the file it is from; may be empty: the cells are numbered as they come.
    std::vector<std::int64_t> train_cells, test_cells, generated_cells;
    // To the nearest training cell in the latent space of the model that made the cells; both or neither.
    std::vector<double> test_latent_distance, generated_latent_distance;
    // Antibody counts [cells, protein_names], NaN where not measured; empty where there are none.
    std::vector<float> train_proteins, test_proteins, generated_proteins;
    std::vector<std::string> protein_names;
    std::vector<std::string> label_names;
    std::vector<std::string> gene_names;  // [num_genes], or empty: unnamed
    double target_sum = 1e4;
    bool unconditional = false;  ///< generated without labels: all cells count as one type
};

/// Mean and standard deviation (n - 1; none with one repeat) over the repeats. Absent mean: "n/a", nothing
/// qualified.
struct Spread {
    std::optional<double> mean;
    std::optional<double> sd;
};

/// Of the finite ones among `values`.
Spread spread_of(const std::vector<double>& values);

/// One number between generated and test cells, and the same number between test cells and test cells: its
/// floor.
struct Figure {
    std::string key;    ///< e.g. "pooled_rf_auc"
    std::string title;  ///< e.g. "random forest AUC, pooled"
    std::string space;  ///< "train-PCA", "joint PCA", "test-PCA (published)", "genes", "counts"
    Spread generated;
    Spread floor;
};

/// Figures of one type; empty figures when it has too few cells to be scored.
struct TypeFigures {
    std::string name;
    std::int64_t test_cells = 0;
    std::int64_t cells_a_side = 0;  ///< in each comparison
    bool scored = false;
    std::vector<Figure> figures;
};

/// Cells as the report draws them; one entry a cell each.
struct CellPictures {
    std::vector<double> map_x, map_y;       ///< UMAP of both samples together
    std::vector<double> counts, genes;      ///< total counts, genes seen
    std::vector<double> mito_share;         ///< of counts in mitochondrial genes; empty: no gene is one
    std::vector<double> training_distance;  ///< to the nearest training cell, in train-PCA
    std::vector<std::int32_t> labels;
};

/// Genes as the report draws them: per gene of log-normalised cells.
struct GenePictures {
    std::vector<double> mean, variance, zero_fraction;
};

/// Markers by type: each [types x genes], types slowest.
struct DotPlotPictures {
    std::vector<std::string> types, genes;  ///< genes: each type's best training-cell markers in turn
    std::vector<double> test_share, generated_share;  ///< of the type's cells that express the gene
    std::vector<double> test_mean, generated_mean;    ///< log-normalised
};

/// What the report draws: up to max_cells test cells and as many generated ones. Filled on rank 0 only.
struct EvaluationPictures {
    std::vector<std::string> label_names;
    CellPictures test, generated;
    GenePictures test_genes, generated_genes;
    DotPlotPictures markers;
};

/// The cells of every comparison, by their rows in the files they are from; on rank 0, if asked for.
struct EvaluationDraws {
    std::vector<std::int64_t> train;  ///< what the PCA was fitted on
    struct Halving {
        std::vector<std::int64_t> real, floor, generated, published_generated, published_training,
            rare_generated;
    };
    std::vector<std::int64_t> published_test;
    std::vector<Halving> halvings;
};

struct EvaluationResult {
    std::int64_t train_cells = 0, test_cells = 0, generated_cells = 0, genes = 0;
    std::int64_t halvings = 0;
    std::int64_t cells_a_side = 0;  ///< in a pooled comparison
    std::int64_t min_type_cells = 0;
    std::vector<Figure> figures;
    std::vector<TypeFigures> types;
    std::vector<std::string> warnings;
    EvaluationPictures pictures;
    EvaluationDraws draws;
    std::vector<std::pair<std::string, std::string>> provenance;  ///< filled by the caller, written as given

    /// The figure of that key; throws InternalError when there is none.
    const Figure& figure(const std::string& key) const;
};

/// Collective. Two-sample figures of generated against test cells, each with the floor that real cells reach:
/// the test cells are halved at random per type into A and B; generated cells drawn to A's type counts are
/// scored against A, and B against A by the same code and number of cells; `options.halvings` times.
/// Definitions: docs/evaluation.md. `input` is read on rank 0; halvings are dealt to the ranks; every rank
/// returns the same result, whatever their number. Throws InputError when samples are empty, too few to
/// compare, or do not share genes.
EvaluationResult evaluate(const Communicator& comm, const EvaluationInput& input,
                          const EvaluateOptions& options, std::uint64_t seed, Log& log);

}  // namespace lapatlas
