#pragma once

#include <cstdint>

#include "src/evaluate/points.hpp"

namespace lapatlas {

/// A map of cells in the plane, [cells, 2], by UMAP (McInnes, Healy & Melville 2018; umappp) on their exact
/// nearest neighbours. Its distances mean little; who lies beside whom means something. One thread and fixed
/// seeds: a function of its arguments. Fewer than three cells lie on a line.
Points umap(const Points& cells, std::int64_t neighbours = 15);

}  // namespace lapatlas
