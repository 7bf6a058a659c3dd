#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
    // Range of an axis; found from the data where absent.
    std::optional<std::pair<double, double>> x_range, y_range;
};

/// The plot as one <svg> element (role="img", with a title), sized by its container. Point series are drawn
/// in turns, a few dozen points each, so that none hides another.
std::string render_svg(const Plot& plot);

/// Smallest and largest finite value, widened by 4 % on both sides; (0, 1) without any.
std::pair<double, double> padded_range(const std::vector<const std::vector<double>*>& values);

/// Colour of the i-th category. Twenty are distinct, then they repeat.
std::string category_colour(std::size_t index);

}  // namespace lapatlas
