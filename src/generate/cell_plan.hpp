#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/config/generate_options.hpp"
#include "src/config/input_options.hpp"

namespace lapatlas {

/// What a cell is generated under: indices into the label and batch names, -1 = none.
struct Condition {
    std::int32_t label = -1;
    std::int32_t batch = -1;
};

/// How many cells of one label are asked for; batch -1: as the training cells of the label have them.
struct ConditionCount {
    std::int32_t label = 0;
    std::int64_t cells = 0;
    std::int32_t batch = -1;
};

/// What a model was trained on, as far as the plan must know.
struct KnownConditions {
    std::vector<std::string> label_names, batch_names;
    /// [(labels + 1) x batches] training cells, unlabelled last; without batches one column.
    std::vector<std::int64_t> cells;

    std::int64_t num_columns() const {
        return batch_names.empty() ? 1 : static_cast<std::int64_t>(batch_names.size());
    }
    /// Training cells of each label [labels + 1], unlabelled last; of one batch only if `batch` >= 0.
    std::vector<std::int64_t> cells_of_labels(std::int32_t batch = -1) const;
};

/// Reads what generate.counts says: the name of a file with a "type<TAB>n" line each (where such a file
/// exists), else "type=n,type=n". Blanks around names and numbers do not count. ConfigError with the entry
/// (or file and line): no number, a type the model does not know (the nearest is named), a type twice, no
/// cell at all. Reads a file: rank-local.
std::vector<ConditionCount> parse_label_counts(const std::string& text,
                                               const std::vector<std::string>& label_names);

/// The label and batch of every cell of an .h5ad, counted (generate.like): the columns `label_key` and
/// `batch_key`, those that the model knows of. InputError for a name it does not know. Reads a file:
/// rank-local.
std::vector<ConditionCount> read_like(const std::string& path, const std::string& label_key,
                                      const std::string& batch_key, const KnownConditions& known);

/// Which label and batch each generated cell gets, a function of the seed and the cell's global index alone.
class CellPlan {
  public:
    /// Labels drawn with the frequencies of `label_cells` [labels]; all cells are unlabelled where those are
    /// all 0.
    static CellPlan from_frequencies(const std::vector<std::int64_t>& label_cells, std::int64_t num_cells);
    /// Exact counts: contiguous runs, in the order given.
    static CellPlan from_counts(const std::vector<ConditionCount>& counts);

    /// Cells whose batch is not settled draw it as the training cells of their label have it (as all have it,
    /// where they have no label or it has no training cell).
    void draw_batches(const KnownConditions& known);
    /// Every cell gets this batch.
    void set_batch(std::int32_t batch);

    std::int64_t num_cells() const { return num_cells_; }
    /// A plan of `factor` times as many cells, each run's number rounded up.
    CellPlan enlarged(double factor) const;
    /// Cells of each label [labels + 1], unlabelled last; empty where labels are drawn.
    std::vector<std::int64_t> exact_counts(std::int64_t labels) const;
    /// Of `cell` in [0, num_cells).
    Condition condition(std::uint64_t seed, std::int64_t cell) const;

  private:
    std::int64_t num_cells_ = 0;
    bool random_ = false;
    std::vector<std::int32_t> labels_;    // of each run
    std::vector<std::int32_t> batches_;   // of each run, -1: drawn
    std::vector<std::int64_t> run_ends_;  // running sums: of cells, or of training cells where random_
    std::vector<std::vector<std::int64_t>>
        batch_ends_;  // [labels + 1][batches] running sums; empty: no batch
    std::int32_t batch_of_all_ = -1;
};

/// The plan that `options` asks for; `default_cells` is used where neither cells nor counts are given. With
/// guidance -1 (unconditional) cells carry no label. ConfigError if the settings contradict each other. May
/// read a file: rank-local.
CellPlan make_cell_plan(const GenerateOptions& options, const InputOptions& input,
                        const KnownConditions& known, std::int64_t default_cells);

}  // namespace lapatlas
