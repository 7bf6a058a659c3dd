#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "src/generate/cell_plan.hpp"
#include "src/io/covariates.hpp"

namespace lapatlas {

/// Covariates of training cells, grouped by label (unlabelled last) and batch, as library sizes are in a
/// checkpoint.
struct CovariateTable {
    std::vector<CovariateColumn> columns;
    std::vector<float> values;             // [training cells, columns]
    std::vector<std::int64_t> offsets;     // [(labels + 1) x batches + 1]
    std::int64_t labels = 0, batches = 0;  ///< batches: 0 where there are none
};

/// What generate.set says of one column: a value for all cells, or one that goes evenly from the first cell
/// to the last.
struct CovariateSetting {
    std::int64_t column = 0;
    double from = 0, to = 0;  ///< equal for one value, a category's place
};

/// Reads "column=value,column=from..to". ConfigError: a column or category that the model does not know (the
/// nearest is named), a range of categories, a column twice.
std::vector<CovariateSetting> parse_covariate_settings(const std::string& text,
                                                       const std::vector<CovariateColumn>& columns);

/// The covariates of every generated cell, a function of seed and cell alone: those of a training cell of its
/// label and batch, drawn whole so that covariates go together as they do in training, but for what settings
/// say.
class CovariatePlan {
  public:
    CovariatePlan(CovariateTable table, std::vector<CovariateSetting> settings, std::int64_t num_cells);
    std::int64_t num_columns() const { return std::ssize(table_.columns); }
    /// Appends the values of `cell` [columns].
    void append(std::uint64_t seed, std::int64_t cell, Condition condition, std::vector<float>& values) const;
    /// Whether no training cell has a label with these categories, or a number is beyond all training cells'.
    bool is_extrapolation(Condition condition, const float* values) const;

  private:
    /// Training cells [first, last) that a condition draws from: the first that is not empty of its label and
    /// batch, its label, all cells.
    std::pair<std::int64_t, std::int64_t> cells_of(Condition condition) const;
    std::vector<std::int32_t> combination(std::int32_t label, const float* values) const;

    CovariateTable table_;
    std::vector<CovariateSetting> settings_;
    std::int64_t num_cells_;
    std::set<std::vector<std::int32_t>> seen_;  ///< label and categories of training cells, -1 missing
};

}  // namespace lapatlas
