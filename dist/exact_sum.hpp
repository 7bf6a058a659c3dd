#pragma once

#include <cmath>

namespace lapatlas {

/// Float64 sums that come out the same, bit for bit, in any order, on any number of ranks and threads: every
/// term is first rounded to a common grid, coarse enough that no partial sum ever rounds again (pre-rounding,
/// Demmel & Nguyen, "Fast reproducible floating-point summation", 2013). The error is at most half a grid
/// step a term, 2^-52 of the bound.
class SumGrid {
  public:
    /// `bound` must be the same on every rank and at least the sum of the absolute values of all terms.
    explicit SumGrid(double bound) {
        int exponent = 0;
        std::frexp(bound, &exponent);
        magic_ = std::ldexp(1.5, exponent + 1);
    }
    /// The grid value next to `term`: add these, and nothing else, to the sum.
    double round(double term) const { return (term + magic_) - magic_; }
    /// What round() adds and takes away, for kernels that spell it out to vectorise.
    double magic() const { return magic_; }

  private:
    double magic_;
};

}  // namespace lapatlas
