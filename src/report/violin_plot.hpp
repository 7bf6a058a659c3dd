#pragma once

#include <string>
#include <vector>

#include "src/report/svg_canvas.hpp"

namespace lapatlas {

/// Real and generated values of one group of cells.
struct ViolinGroup {
    std::string name;
    std::vector<double> real, generated;
};

/// One violin a group: its left half the real cells, its right half the generated ones, each a Gaussian
/// kernel density (Silverman's width) cut at the smallest and largest value and as wide at its highest, with
/// a line at the median. On a logarithmic axis where `logarithmic` (values below 1 count as 1).
struct ViolinPlot {
    std::string title, alt, y_label;
    std::vector<ViolinGroup> groups;
    bool logarithmic = false;
};

Picture picture_of(const ViolinPlot& plot);

}  // namespace lapatlas
