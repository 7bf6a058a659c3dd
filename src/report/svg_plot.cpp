#include "src/report/svg_plot.hpp"

#include <algorithm>
#include <cmath>

#include "src/report/html_text.hpp"

namespace lapatlas {
namespace {

constexpr std::size_t kTurn = 48;  // points a series draws before the next has its turn

/// One path a turn: a point is a stroke of length zero with round caps, which is a tenth of a circle
/// element's bytes.
std::string points(const Frame& frame, const Plot& plot) {
    std::size_t most = 0, total = 0;
    for (const PlotSeries& series : plot.series)
        if (!series.connected) most = std::max(most, series.x.size()), total += series.x.size();
    const std::string size = total > 4000 ? "2.2" : total > 800 ? "3.2" : "4.5";
    std::string svg;
    const std::size_t turn = plot.in_turns ? kTurn : std::max<std::size_t>(most, 1);
    for (std::size_t begin = 0; begin < most; begin += turn)
        for (const PlotSeries& series : plot.series) {
            if (series.connected) continue;
            std::string path;
            for (std::size_t i = begin; i < std::min(begin + turn, series.x.size()); ++i)
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
        placed.push_back(
            {std::clamp(frame.x(label.x), Frame::kLeft + half_width,
                        std::max(Frame::kLeft + half_width, Frame::kWidth - Frame::kRight - half_width)),
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

std::string render_svg(const Plot& plot) {
    std::vector<const std::vector<double>*> xs, ys;
    for (const PlotSeries& series : plot.series) {
        xs.push_back(&series.x);
        ys.push_back(&series.y);
    }
    const Frame frame(plot.x_range.value_or(padded_range(xs)), plot.y_range.value_or(padded_range(ys)));
    std::string svg = open_svg(Frame::kWidth, Frame::kHeight, plot.alt);
    svg += frame.axes(plot.x_label, plot.y_label);
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

Picture picture_of(const Plot& plot) {
    Picture picture{plot.title, render_svg(plot), {}, false};
    if (plot.legend)
        for (const PlotSeries& series : plot.series) picture.legend.emplace_back(series.name, series.colour);
    return picture;
}

}  // namespace lapatlas
