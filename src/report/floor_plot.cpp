#include "src/report/floor_plot.hpp"

#include <algorithm>

namespace lapatlas {
namespace {

constexpr double kWidth = 560, kLeft = 232, kRight = 18, kTop = 8, kRow = 30, kBottom = 46;

}  // namespace

Picture picture_of(const FloorPlot& plot) {
    const double height = kTop + kRow * static_cast<double>(plot.bars.size()) + kBottom;
    std::vector<double> ends;
    for (const FloorBar& bar : plot.bars) {
        for (const double sign : {-1.0, 1.0}) {
            ends.push_back(bar.generated + sign * bar.generated_spread);
            ends.push_back(bar.floor + sign * bar.floor_spread);
        }
    }
    const auto range = padded_range({&ends});
    const auto x = [&](double value) {
        return kLeft + (value - range.first) / (range.second - range.first) * (kWidth - kLeft - kRight);
    };
    std::string svg = open_svg(kWidth, height, plot.alt);
    for (const Tick& tick : ticks(range))
        svg += "<path class=\"grid\" d=\"M" + coordinate(x(tick.value)) + " " + coordinate(kTop) + "V" +
               coordinate(height - kBottom) + "\"/>" +
               svg_text(x(tick.value), height - kBottom + 16, tick.text);
    for (std::size_t i = 0; i < plot.bars.size(); ++i) {
        const FloorBar& bar = plot.bars[i];
        const double y = kTop + kRow * (static_cast<double>(i) + 0.5);
        const double left = x(bar.floor - bar.floor_spread), right = x(bar.floor + bar.floor_spread);
        svg += svg_text(kLeft - 10, y + 4, bar.name, "end", "name");
        svg += "<path class=\"area\" style=\"fill:" + std::string(kRealColour) + "\" d=\"M" +
               coordinate(std::min(left, right - 2)) + " " + coordinate(y - 9) + "H" + coordinate(right) +
               "v18H" + coordinate(std::min(left, right - 2)) + "Z\"/>";
        svg += "<path style=\"stroke:" + std::string(kGeneratedColour) + ";stroke-width:2\" d=\"M" +
               coordinate(x(bar.generated - bar.generated_spread)) + " " + coordinate(y) + "H" +
               coordinate(x(bar.generated + bar.generated_spread)) + "\"/><circle cx=\"" +
               coordinate(x(bar.generated)) + "\" cy=\"" + coordinate(y) +
               "\" r=\"5\" style=\"fill:" + kGeneratedColour + "\"/>";
    }
    svg += svg_text((kLeft + kWidth - kRight) / 2, height - 8, plot.x_label, "middle", "name");
    return {
        plot.title,
        svg + "</svg>",
        {{"floor: real against real cells", kRealColour}, {"generated against real cells", kGeneratedColour}},
        false};
}

}  // namespace lapatlas
