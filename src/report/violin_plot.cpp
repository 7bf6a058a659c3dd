#include "src/report/violin_plot.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "src/report/html_text.hpp"

namespace lapatlas {
namespace {

constexpr int kLevels = 48;
constexpr double kRowHeight = 400, kTop = 12, kLeft = 62, kRight = 18;

struct Density {
    std::vector<double> at, height;  // heights at most 1
    double median = 0;
};

Density density_of(std::vector<double> values) {
    Density density;
    if (values.empty()) return density;
    std::sort(values.begin(), values.end());
    const double n = static_cast<double>(values.size());
    density.median = values[values.size() / 2];
    double mean = 0, square = 0;
    for (const double value : values) mean += value / n;
    for (const double value : values) square += (value - mean) * (value - mean) / n;
    const double middle = (values[values.size() * 3 / 4] - values[values.size() / 4]) / 1.34;
    double spread = std::sqrt(square);
    if (middle > 0) spread = std::min(spread, middle);
    const double low = values.front(), high = values.back();
    const double width =
        std::max(0.9 * spread * std::pow(n, -0.2), 1e-3 * std::max(1e-9, high - low) + 1e-12);
    for (int level = 0; level < kLevels; ++level) {
        const double at = low + (high - low) * level / (kLevels - 1);
        double height = 0;
        for (const double value : values)
            height += std::exp(-0.5 * (at - value) * (at - value) / (width * width));
        density.at.push_back(at);
        density.height.push_back(height);
    }
    const double highest = *std::max_element(density.height.begin(), density.height.end());
    for (double& height : density.height) height /= highest;
    return density;
}

std::vector<double> finite(const std::vector<double>& values, bool logarithmic) {
    std::vector<double> shown;
    for (const double value : values)
        if (std::isfinite(value)) shown.push_back(logarithmic ? std::log10(std::max(1.0, value)) : value);
    return shown;
}

std::string half(const std::vector<double>& values, double centre, double reach, const char* colour,
                 const std::function<double(double)>& y) {
    const Density density = density_of(values);
    if (density.at.empty()) return {};
    const auto point = [](double at_x, double at_y) {
        return coordinate(at_x).append(1, ' ').append(coordinate(at_y));
    };
    std::string path = "M";
    path += point(centre, y(density.at.front()));
    for (std::size_t i = 0; i < density.at.size(); ++i)
        path.append(1, 'L').append(point(centre + reach * density.height[i], y(density.at[i])));
    path.append(1, 'L').append(point(centre, y(density.at.back()))).append(1, 'Z');
    return "<path class=\"area\" style=\"fill:" + std::string(colour) + "\" d=\"" + path +
           "\"/><path class=\"median\" d=\"M" + coordinate(centre) + " " + coordinate(y(density.median)) +
           "h" + coordinate(0.8 * reach) + "\"/>";
}

}  // namespace

Picture picture_of(const ViolinPlot& plot) {
    const std::size_t groups = std::max<std::size_t>(1, plot.groups.size());
    const bool wide = groups > 4;
    const double width = wide ? 1000 : Frame::kWidth, bottom = groups > 1 ? 96 : 34;
    std::vector<std::vector<double>> real, generated;
    std::vector<const std::vector<double>*> all;
    for (const ViolinGroup& group : plot.groups) {
        real.push_back(finite(group.real, plot.logarithmic));
        generated.push_back(finite(group.generated, plot.logarithmic));
    }
    for (std::size_t g = 0; g < plot.groups.size(); ++g) {
        all.push_back(&real[g]);
        all.push_back(&generated[g]);
    }
    const auto range = padded_range(all);
    const auto y = [&](double value) {
        return kRowHeight - bottom -
               (value - range.first) / (range.second - range.first) * (kRowHeight - bottom - kTop);
    };
    std::string svg = open_svg(width, kRowHeight, plot.alt);
    const auto grid = [&](double value, const std::string& text) {
        svg += "<path class=\"grid\" d=\"M" + coordinate(kLeft) + " " + coordinate(y(value)) + "H" +
               coordinate(width - kRight) + "\"/>" + svg_text(kLeft - 6, y(value) + 4, text, "end");
    };
    if (plot.logarithmic) {
        for (double power = std::floor(range.first); power <= range.second; power += 1)
            for (const double factor : {1.0, 2.0, 5.0})
                if (const double value = power + std::log10(factor);
                    value >= range.first && value <= range.second)
                    grid(value, std::to_string(static_cast<long long>(std::llround(std::pow(10, value)))));
    } else {
        for (const Tick& tick : ticks(range)) grid(tick.value, tick.text);
    }
    svg += "<path class=\"axis\" d=\"M" + coordinate(kLeft) + " " + coordinate(kTop) + "V" +
           coordinate(kRowHeight - bottom) + "H" + coordinate(width - kRight) + "\"/>";
    svg += "<text class=\"name\" transform=\"translate(15 " + coordinate((kTop + kRowHeight - bottom) / 2) +
           ") rotate(-90)\" text-anchor=\"middle\">" + escape_html(plot.y_label) + "</text>";
    const double step = (width - kLeft - kRight) / static_cast<double>(groups);
    for (std::size_t g = 0; g < plot.groups.size(); ++g) {
        const double centre = kLeft + (static_cast<double>(g) + 0.5) * step,
                     reach = std::min(60.0, 0.42 * step);
        svg += half(real[g], centre, -reach, kRealColour, y) +
               half(generated[g], centre, reach, kGeneratedColour, y);
        if (plot.groups.size() > 1)
            svg += "<g transform=\"translate(" + coordinate(centre) + " " +
                   coordinate(kRowHeight - bottom + 16) + ") rotate(-28)\">" +
                   svg_text(0, 0, plot.groups[g].name, "end") + "</g>";
    }
    return {plot.title, svg + "</svg>", {{"real", kRealColour}, {"generated", kGeneratedColour}}, wide};
}

}  // namespace lapatlas
