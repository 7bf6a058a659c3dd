#include "src/report/svg_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "src/report/html_text.hpp"

namespace lapatlas {
namespace {

// In units of the view box.
constexpr double kWidth = 480, kHeight = 400;
constexpr double kLeft = 62, kRight = 18, kTop = 12, kBottom = 50;
constexpr std::size_t kTurn = 48;  // points a series draws before the next has its turn

struct Tick {
    double value;
    std::string text;
};

std::string format(const char* pattern, double value) {
    char text[48];
    std::snprintf(text, sizeof text, pattern, value);
    return text;
}
std::string coordinate(double value) { return format("%.1f", value); }

/// Ticks at 1, 2 or 5 times a power of ten, about five of them.
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

class Frame {
  public:
    Frame(std::pair<double, double> x_range, std::pair<double, double> y_range) : x_(x_range), y_(y_range) {}
    double x(double value) const {
        return kLeft + (value - x_.first) / (x_.second - x_.first) * (kWidth - kLeft - kRight);
    }
    double y(double value) const {
        return kHeight - kBottom - (value - y_.first) / (y_.second - y_.first) * (kHeight - kTop - kBottom);
    }
    /// "x y" in units of the view box.
    std::string place(double x_value, double y_value) const {
        return coordinate(x(x_value)).append(1, ' ').append(coordinate(y(y_value)));
    }
    std::pair<double, double> x_range() const { return x_; }
    std::pair<double, double> y_range() const { return y_; }

  private:
    std::pair<double, double> x_, y_;
};

std::string axes(const Frame& frame, const Plot& plot) {
    std::string svg;
    const std::string left = coordinate(kLeft), right = coordinate(kWidth - kRight), top = coordinate(kTop),
                      bottom = coordinate(kHeight - kBottom);
    for (const Tick& tick : ticks(frame.x_range())) {
        const std::string at = coordinate(frame.x(tick.value));
        svg += "<path class=\"grid\" d=\"M" + at + " " + top + "V" + bottom + "\"/><text x=\"" + at +
               "\" y=\"" + coordinate(kHeight - kBottom + 16) + "\" text-anchor=\"middle\">" + tick.text +
               "</text>";
    }
    for (const Tick& tick : ticks(frame.y_range())) {
        const double at = frame.y(tick.value);
        svg += "<path class=\"grid\" d=\"M" + left + " " + coordinate(at) + "H" + right + "\"/><text x=\"" +
               coordinate(kLeft - 6) + "\" y=\"" + coordinate(at + 4) + "\" text-anchor=\"end\">" +
               tick.text + "</text>";
    }
    svg += "<path class=\"axis\" d=\"M" + left + " " + top + "V" + bottom + "H" + right + "\"/>";
    svg += "<text class=\"name\" x=\"" + coordinate((kLeft + kWidth - kRight) / 2) + "\" y=\"" +
           coordinate(kHeight - 12) + "\" text-anchor=\"middle\">" + escape_html(plot.x_label) + "</text>";
    svg += "<text class=\"name\" transform=\"translate(15 " + coordinate((kTop + kHeight - kBottom) / 2) +
           ") rotate(-90)\" text-anchor=\"middle\">" + escape_html(plot.y_label) + "</text>";
    return svg;
}

/// One path a turn: a point is a stroke of length zero with round caps, which is a tenth of a circle
/// element's bytes.
std::string points(const Frame& frame, const Plot& plot) {
    std::size_t most = 0, total = 0;
    for (const PlotSeries& series : plot.series)
        if (!series.connected) most = std::max(most, series.x.size()), total += series.x.size();
    const std::string size = total > 4000 ? "2.2" : total > 800 ? "3.2" : "4.5";
    std::string svg;
    for (std::size_t begin = 0; begin < most; begin += kTurn)
        for (const PlotSeries& series : plot.series) {
            if (series.connected) continue;
            std::string path;
            for (std::size_t i = begin; i < std::min(begin + kTurn, series.x.size()); ++i)
                if (std::isfinite(series.x[i]) && std::isfinite(series.y[i]))
                    path.append(1, 'M').append(frame.place(series.x[i], series.y[i])).append("h0");
            if (!path.empty())
                svg += "<path class=\"dots\" stroke=\"" + escape_html(series.colour) + "\" stroke-width=\"" +
                       size + "\" d=\"" + path + "\"/>";
        }
    return svg;
}

std::string lines(const Frame& frame, const Plot& plot) {
    std::string svg;
    for (const PlotSeries& series : plot.series) {
        if (!series.connected) continue;
        std::string path;
        for (std::size_t i = 0; i < series.x.size(); ++i)
            if (std::isfinite(series.x[i]) && std::isfinite(series.y[i]))
                path.append(1, path.empty() ? 'M' : 'L').append(frame.place(series.x[i], series.y[i]));
        if (!path.empty())
            svg += "<path class=\"line\" stroke=\"" + escape_html(series.colour) + "\" d=\"" + path + "\"/>";
    }
    return svg;
}

/// Labels inside the frame; those that would cover an earlier one move down.
std::string labels(const Frame& frame, const Plot& plot) {
    struct Placed {
        double x, y, half_width;
        const std::string* text;
    };
    std::vector<Placed> placed;
    for (const PlotLabel& label : plot.labels) {
        const double half_width = 3.7 * static_cast<double>(label.text.size());
        placed.push_back({std::clamp(frame.x(label.x), kLeft + half_width,
                                     std::max(kLeft + half_width, kWidth - kRight - half_width)),
                          frame.y(label.y), half_width, &label.text});
    }
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.y < b.y; });
    std::string svg;
    for (std::size_t i = 0; i < placed.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            if (std::abs(placed[i].x - placed[j].x) < placed[i].half_width + placed[j].half_width)
                placed[i].y = std::max(placed[i].y, placed[j].y + 14);
        svg += "<text class=\"place\" x=\"" + coordinate(placed[i].x) + "\" y=\"" + coordinate(placed[i].y) +
               "\" text-anchor=\"middle\">" + escape_html(*placed[i].text) + "</text>";
    }
    return svg;
}

}  // namespace

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

std::string render_svg(const Plot& plot) {
    std::vector<const std::vector<double>*> xs, ys;
    for (const PlotSeries& series : plot.series) {
        xs.push_back(&series.x);
        ys.push_back(&series.y);
    }
    const Frame frame(plot.x_range.value_or(padded_range(xs)), plot.y_range.value_or(padded_range(ys)));
    std::string svg = "<svg viewBox=\"0 0 " + format("%.0f", kWidth) + " " + format("%.0f", kHeight) +
                      "\" role=\"img\" aria-label=\"" + escape_html(plot.alt) + "\"><title>" +
                      escape_html(plot.alt) + "</title>";
    svg += axes(frame, plot);
    if (plot.identity_line) {
        const double low = std::max(frame.x_range().first, frame.y_range().first);
        const double high = std::min(frame.x_range().second, frame.y_range().second);
        if (low < high)
            svg += "<path class=\"identity\" d=\"M" + coordinate(frame.x(low)) + " " +
                   coordinate(frame.y(low)) + "L" + coordinate(frame.x(high)) + " " +
                   coordinate(frame.y(high)) + "\"/>";
    }
    return svg + points(frame, plot) + lines(frame, plot) + labels(frame, plot) + "</svg>";
}

}  // namespace lapatlas
