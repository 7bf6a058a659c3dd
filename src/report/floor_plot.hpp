#pragma once

#include <string>
#include <vector>

#include "src/report/svg_canvas.hpp"

namespace lapatlas {

/// One figure of generated cells beside its floor: means and half widths (0: a dot alone).
struct FloorBar {
    std::string name;
    double generated = 0, generated_spread = 0;
    double floor = 0, floor_spread = 0;
};

/// Figures under one another on one axis: the floor as a band, the generated cells as a dot with whiskers.
struct FloorPlot {
    std::string title, alt, x_label;
    std::vector<FloorBar> bars;
};

Picture picture_of(const FloorPlot& plot);

}  // namespace lapatlas
