#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lapatlas::bench {

/// One kernel of the product on a fixed input, of sizes that a step of a 2,000-gene atlas has, scaled down.
struct KernelCase {
    std::string name;
    std::string what;            ///< sizes, in words
    double operations = 0;       ///< float operations a call needs, as the algorithm is defined
    double bytes = 0;            ///< that a call must move at least: inputs read once, outputs written once
    std::function<void()> call;  ///< into memory that the case holds
    /// Empty if the last call's result is that of a plain loop in float64, up to rounding; else what differs.
    std::function<std::string()> check;
    /// Of all bytes of the last call's result, where they are the same on every kind of CPU; empty where sums
    /// are taken in the order of its vectors.
    std::function<std::uint64_t()> digest{};
};

/// All cases. `scale` multiplies the number of rows; 1 is for counting instructions.
std::vector<KernelCase> kernel_cases(int scale);

}  // namespace lapatlas::bench
