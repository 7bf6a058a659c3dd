#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/config/options.hpp"

namespace lapatlas {

/// How many cells of one label are asked for.
struct LabelCount {
    std::int32_t label = 0;  ///< index into the label names
    std::int64_t cells = 0;
};

/// Reads what generate.counts says: the name of a file with a "type<TAB>n" line each (where such a file
/// exists), else "type=n,type=n". Blanks around names and numbers do not count. ConfigError with the entry
/// (or file and line): no number, a type the model does not know (the nearest is named), a type twice, no
/// cell at all. Reads a file: rank-local.
std::vector<LabelCount> parse_label_counts(const std::string& text,
                                           const std::vector<std::string>& label_names);

/// Which label each generated cell gets, a function of the seed and the cell's global index alone.
class LabelPlan {
  public:
    /// Labels drawn with the frequencies of `training_counts` [num_labels] (unlabelled cells not among them);
    /// all cells are unlabelled where those are all 0.
    static LabelPlan from_frequencies(const std::vector<std::int64_t>& training_counts,
                                      std::int64_t num_cells);
    /// Exact counts: labels in contiguous runs, in the order given.
    static LabelPlan from_counts(const std::vector<LabelCount>& counts);

    std::int64_t num_cells() const { return num_cells_; }
    /// Index of the label of `cell` in [0, num_cells), or -1: unlabelled.
    std::int32_t label(std::uint64_t seed, std::int64_t cell) const;

  private:
    std::int64_t num_cells_ = 0;
    bool random_ = false;
    std::vector<std::int32_t> labels_;    // of each run
    std::vector<std::int64_t> run_ends_;  // running sums: of cells, or of training cells where random_
};

/// The plan that `options` asks for; `default_cells` is used where neither cells nor counts are given. With
/// guidance -1 (unconditional) cells carry no label. ConfigError if the settings contradict each other. May
/// read a file: rank-local.
LabelPlan make_label_plan(const GenerateOptions& options, const std::vector<std::string>& label_names,
                          const std::vector<std::int64_t>& training_counts, std::int64_t default_cells);

}  // namespace lapatlas
