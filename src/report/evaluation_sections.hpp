#pragma once

#include <string>
#include <vector>

#include "src/evaluate/evaluation.hpp"
#include "src/report/html_report.hpp"

namespace lapatlas {

/// One column of the training metrics against the step it was taken at.
struct TrainingCurve {
    std::string plot;  ///< curves of the same plot are drawn together, e.g. "loss"
    std::string name;  ///< e.g. "reconstruction"
    std::vector<double> steps, values;
};

/// Adds what the evaluation shows: three numbers at the top, real against generated cells (side by side by
/// type, and together), per-gene means and zero fractions, the figures with their floor, the types, and the
/// warnings.
void add_evaluation(ReportInput& report, const EvaluationResult& result);

/// Adds the training curves, one plot for each plot name, in order of appearance. Long curves are thinned to
/// means of neighbouring points.
void add_training_curves(ReportInput& report, const std::vector<TrainingCurve>& curves,
                         const std::string& step_name);

}  // namespace lapatlas
