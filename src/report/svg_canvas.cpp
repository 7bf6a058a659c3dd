#include "src/report/svg_canvas.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "src/report/html_text.hpp"

namespace lapatlas {
namespace {

std::string format(const char* pattern, double value) {
    char text[48];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}

}  // namespace

std::string coordinate(double value) { return format("%.1f", value); }

std::vector<Tick> ticks(std::pair<double, double> range) {
    const double rough = (range.second - range.first) / 5;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    const double step = power * (rough / power < 1.5   ? 1
                                 : rough / power < 3.5 ? 2
                                 : rough / power < 7.5 ? 5
                                                       : 10);
    std::vector<Tick> result;
    for (double value = std::ceil(range.first / step) * step; value <= range.second + 1e-9 * step;
         value += step)
        result.push_back({value, format("%.4g", std::abs(value) < 1e-9 * step ? 0 : value)});
    return result;
}

std::pair<double, double> padded_range(const std::vector<const std::vector<double>*>& values) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const auto* list : values)
        for (const double value : *list)
            if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
    if (low > high) return {0, 1};
    const double margin = high > low ? 0.04 * (high - low) : std::max(0.5, 0.1 * std::abs(low));
    return {low - margin, high + margin};
}

std::string category_colour(std::size_t index) {
    static constexpr std::array kColours{"#4269d0", "#e8a30c", "#e4523b", "#3ca951", "#a463f2",
                                         "#12a5a0", "#e86aa6", "#8a5a3c", "#7f8794", "#76a5f0",
                                         "#1f3a8a", "#a36b00", "#8f1d14", "#1c6b30", "#5b21a6",
                                         "#0b5f5c", "#a3195b", "#c9a27e", "#3d434d", "#b3cf3a"};
    return kColours[index % kColours.size()];
}

std::string open_svg(double width, double height, const std::string& alt) {
    return "<svg viewBox=\"0 0 " + format("%.0f", width) + " " + format("%.0f", height) +
           "\" role=\"img\" aria-label=\"" + escape_html(alt) + "\"><title>" + escape_html(alt) + "</title>";
}

std::string svg_text(double x, double y, const std::string& text, const char* anchor, const char* kind) {
    return std::string("<text ") + (*kind != 0 ? "class=\"" + std::string(kind) + "\" " : "") + "x=\"" +
           coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + anchor + "\">" +
           escape_html(text) + "</text>";
}

std::string Frame::axes(const std::string& x_label, const std::string& y_label, bool x_ticks) const {
    std::string svg;
    const std::string left = coordinate(kLeft), right = coordinate(kWidth - kRight), top = coordinate(kTop),
                      bottom = coordinate(kHeight - kBottom);
    for (const Tick& tick : x_ticks ? ticks(x_) : std::vector<Tick>{}) {
        const std::string at = coordinate(x(tick.value));
        svg += "<path class=\"grid\" d=\"M" + at + " " + top + "V" + bottom + "\"/><text x=\"" + at +
               "\" y=\"" + coordinate(kHeight - kBottom + 16) + "\" text-anchor=\"middle\">" + tick.text +
               "</text>";
    }
    for (const Tick& tick : ticks(y_)) {
        const double at = y(tick.value);
        svg += "<path class=\"grid\" d=\"M" + left + " " + coordinate(at) + "H" + right + "\"/><text x=\"" +
               coordinate(kLeft - 6) + "\" y=\"" + coordinate(at + 4) + "\" text-anchor=\"end\">" +
               tick.text + "</text>";
    }
    svg += "<path class=\"axis\" d=\"M" + left + " " + top + "V" + bottom + "H" + right + "\"/>";
    svg += "<text class=\"name\" x=\"" + coordinate((kLeft + kWidth - kRight) / 2) + "\" y=\"" +
           coordinate(kHeight - 12) + "\" text-anchor=\"middle\">" + escape_html(x_label) + "</text>";
    svg += "<text class=\"name\" transform=\"translate(15 " + coordinate((kTop + kHeight - kBottom) / 2) +
           ") rotate(-90)\" text-anchor=\"middle\">" + escape_html(y_label) + "</text>";
    return svg;
}

}  // namespace lapatlas
