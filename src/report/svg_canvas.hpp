#pragma once

#include <string>
#include <utility>
#include <vector>

namespace lapatlas {

/// One figure, drawn: what the page embeds and what is written beside it.
struct Picture {
    std::string title;
    std::string svg;                                          ///< one <svg> element
    std::vector<std::pair<std::string, std::string>> legend;  ///< name, colour
    bool wide = false;                                        ///< takes a row of its own
};

/// A coordinate with one digit.
std::string coordinate(double value);

struct Tick {
    double value;
    std::string text;
};
/// Ticks at 1, 2 or 5 times a power of ten, about five of them.
std::vector<Tick> ticks(std::pair<double, double> range);

/// Smallest and largest finite value, widened by 4 % on both sides; (0, 1) without any.
std::pair<double, double> padded_range(const std::vector<const std::vector<double>*>& values);

/// Colour of the i-th category. Twenty are distinct, then they repeat.
std::string category_colour(std::size_t index);

inline constexpr const char* kRealColour = "#4269d0";
inline constexpr const char* kGeneratedColour = "#e4523b";

/// <svg ...> with its words for those who cannot see it; the caller closes it.
std::string open_svg(double width, double height, const std::string& alt);

/// <text class="..." x= y= text-anchor=...>, escaped.
std::string svg_text(double x, double y, const std::string& text, const char* anchor = "middle",
                     const char* kind = "");

/// The plotting area of a figure with two axes: data to units of the view box.
class Frame {
  public:
    static constexpr double kWidth = 480, kHeight = 400;
    static constexpr double kLeft = 62, kRight = 18, kTop = 12, kBottom = 50;

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

    /// Grid, ticks and axis names. Without x ticks where `x_label` stands for categories.
    std::string axes(const std::string& x_label, const std::string& y_label, bool x_ticks = true) const;

  private:
    std::pair<double, double> x_, y_;
};

}  // namespace lapatlas
