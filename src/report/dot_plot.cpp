#include "src/report/dot_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace lapatlas {
namespace {

constexpr double kLeft = 190, kTop = 12, kRight = 12, kColumn = 32, kRow = 46, kBottom = 110, kLargest = 9.5;

std::string dot(double x, double y, double share, double shade, const char* colour) {
    if (!(share > 0)) return {};
    char opacity[16];
    std::snprintf(opacity, sizeof opacity, "%.2f", 0.12 + 0.88 * std::clamp(shade, 0.0, 1.0));
    return "<circle cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"" +
           coordinate(kLargest * std::sqrt(std::min(1.0, share))) + "\" style=\"fill:" + colour +
           ";fill-opacity:" + opacity + "\"/>";
}

}  // namespace

Picture picture_of(const DotPlot& plot) {
    const std::size_t columns = plot.columns.size();
    const double width = kLeft + kColumn * static_cast<double>(columns) + kRight;
    const double height = kTop + kRow * static_cast<double>(plot.rows.size()) + kBottom;
    std::string svg = open_svg(width, height, plot.alt);
    std::vector<double> largest(columns, 0.0);
    for (std::size_t i = 0; i < plot.real_mean.size(); ++i)
        largest[i % columns] = std::max({largest[i % columns], plot.real_mean[i], plot.generated_mean[i]});
    for (std::size_t r = 0; r < plot.rows.size(); ++r) {
        const double y = kTop + kRow * (static_cast<double>(r) + 0.5);
        svg += "<path class=\"grid\" d=\"M8 " + coordinate(y + kRow / 2) + "H" + coordinate(width - kRight) +
               "\"/>" + svg_text(kLeft - 14, y + 4, plot.rows[r], "end", "name");
        for (std::size_t c = 0; c < columns; ++c) {
            const std::size_t i = r * columns + c;
            const double x = kLeft + kColumn * (static_cast<double>(c) + 0.5);
            const double scale = largest[c] > 0 ? 1 / largest[c] : 0;
            svg += dot(x, y - 11, plot.real_share[i], plot.real_mean[i] * scale, kRealColour);
            svg += dot(x, y + 11, plot.generated_share[i], plot.generated_mean[i] * scale, kGeneratedColour);
        }
    }
    for (std::size_t c = 0; c < columns; ++c)
        svg += "<g transform=\"translate(" +
               coordinate(kLeft + kColumn * (static_cast<double>(c) + 0.5) + 4) + " " +
               coordinate(height - kBottom + 12) + ") rotate(-60)\">" +
               svg_text(0, 0, plot.columns[c], "end") + "</g>";
    // What the sizes mean.
    double x = kLeft;
    svg += svg_text(x - 14, height - 14, "share of cells", "end");
    for (const double share : {0.1, 0.5, 1.0}) {
        char text[16];
        std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
        svg += dot(x, height - 18, share, 0.5, "#7f8794") + svg_text(x + 14, height - 14, text, "start");
        x += 74;
    }
    return {plot.title, svg + "</svg>", {{"real", kRealColour}, {"generated", kGeneratedColour}}, true};
}

}  // namespace lapatlas
