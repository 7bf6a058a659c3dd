#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/report/svg_canvas.hpp"

namespace lapatlas {

/// Points or a line of one colour. Pairs with a value that is not finite are left out.
struct PlotSeries {
    std::string name;
    std::vector<double> x, y;
    std::string colour;  ///< CSS colour
    bool connected = false;
};

/// A word at a place of the plot, e.g. the name of a cluster.
struct PlotLabel {
    std::string text;
    double x = 0, y = 0;
};

struct Plot {
    std::string title;
    std::string alt;  ///< what the picture shows, for those who cannot see it
    std::string x_label, y_label;
    std::vector<PlotSeries> series;
    std::vector<PlotLabel> labels;
    bool identity_line = false;  ///< the line y = x
    bool legend = true;
    bool in_turns = true;  ///< else later series are drawn over earlier ones
    // Range of an axis; found from the data where absent.
    std::optional<std::pair<double, double>> x_range, y_range;
};

/// The plot as one <svg> element (role="img", with a title), sized by its container. Point series are drawn
/// in turns, a few dozen points each, so that none hides another.
std::string render_svg(const Plot& plot);

/// The plot with its legend.
Picture picture_of(const Plot& plot);

}  // namespace lapatlas
