#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "src/random/philox.hpp"

namespace lapatlas::testing_support {

/// Standard normals [rows, columns], float32, the same every time; other ones for another `step`.
inline torch::Tensor placed_normals(std::int64_t rows, std::int64_t columns, std::uint32_t step) {
    const PlacedRandom random(13, RandomStream::kDiffusionNoise);
    torch::Tensor out = torch::empty({rows, columns});
    for (std::int64_t i = 0; i < rows; ++i)
        random.fill_normals(static_cast<std::uint64_t>(i), step, out.data_ptr<float>() + i * columns,
                            columns);
    return out;
}

}  // namespace lapatlas::testing_support
