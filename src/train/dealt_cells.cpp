#include "src/train/dealt_cells.hpp"

#include <algorithm>
#include <numeric>

namespace lapatlas {

DealtCells::DealtCells(std::int64_t cells, std::int64_t batch, RandomStream stream, std::uint64_t seed)
    : cells_(cells),
      steps_(std::max<std::int64_t>(1, (cells + batch - 1) / batch)),
      stream_(stream),
      seed_(seed) {}

std::vector<std::int64_t> DealtCells::of_step(std::int64_t step) {
    const std::int64_t epoch = step / steps_, place = step % steps_;
    if (order_epoch_ != epoch) {
        order_epoch_ = epoch;
        order_.resize(static_cast<std::size_t>(cells_));
        std::iota(order_.begin(), order_.end(), std::int64_t{0});
        if (steps_ > 1) {
            const PlacedRandom random(seed_, stream_);
            std::vector<double> keys;
            for (std::int64_t cell = 0; cell < cells_; ++cell)
                keys.push_back(
                    random.uniform(static_cast<std::uint64_t>(cell), static_cast<std::uint32_t>(epoch)));
            std::sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
                const double of_a = keys[static_cast<std::size_t>(a)],
                             of_b = keys[static_cast<std::size_t>(b)];
                return of_a != of_b ? of_a < of_b : a < b;
            });
        }
    }
    return {order_.begin() + place * cells_ / steps_, order_.begin() + (place + 1) * cells_ / steps_};
}

}  // namespace lapatlas
