#pragma once

#include <cstdint>
#include <vector>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// Multinomial logistic regression of labels on points: scikit-learn's LogisticRegression(C = 1) on columns
/// standardised by the cells it is fitted on. Fitted by Newton steps, so a function of its arguments.
class LabelClassifier {
  public:
    /// `labels` one a cell, none negative; at least one cell. With one label it always answers that.
    LabelClassifier(const Points& cells, const std::vector<std::int32_t>& labels);

    /// The labels that were seen, ascending.
    const std::vector<std::int32_t>& labels() const { return names_; }
    /// Probability of each label seen, [queries, labels seen].
    Eigen::MatrixXd probabilities(const Points& queries) const;
    std::vector<std::int32_t> predict(const Points& queries) const;

  private:
    Eigen::MatrixXd design(const Points& cells) const;  // [cells, components + 1]

    std::vector<std::int32_t> names_;  // the labels seen, ascending
    Eigen::RowVectorXd mean_, deviation_;
    Eigen::MatrixXd weights_;  // [components + 1, labels seen]
};

/// Mean over the labels that occur in `truth` of the share of their cells that is predicted right; NaN
/// without cells. scikit-learn's balanced_accuracy_score.
double balanced_accuracy(const std::vector<std::int32_t>& truth, const std::vector<std::int32_t>& predicted);

}  // namespace lapatlas
