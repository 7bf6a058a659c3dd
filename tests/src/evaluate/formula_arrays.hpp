#pragma once

#include <cmath>

#include "src/evaluate/points.hpp"

namespace lapatlas::testing_support {

/// Scattered numbers in [0, 1) by a formula that golden.py repeats digit for digit.
inline double scattered(double i, double j, double salt) {
    const double value = std::sin(i * 12.9898 + j * 78.233 + salt * 37.719) * 43758.5453;
    return value - std::floor(value);
}

/// Bell-shaped around `shift`: the sum of four scattered numbers.
inline Points bell_points(int rows, int columns, int salt, double shift) {
    Points points(rows, columns);
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
            double sum = shift - 2;
            for (int part = 0; part < 4; ++part) sum += scattered(i, j, 10 * salt + part);
            points(i, j) = sum;
        }
    return points;
}

}  // namespace lapatlas::testing_support
