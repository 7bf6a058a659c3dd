#pragma once

#include <utility>
#include <vector>

namespace lapatlas {

/// Neighbours of each cell: its row and its distance, nearest first.
using NeighbourLists = std::vector<std::vector<std::pair<int, double>>>;

/// UMAP's places of the cells, x and y in turns [2 x cells]. In a library of its own, without Eigen in its
/// interface: umappp brings a newer Eigen than the one we are built with.
std::vector<double> umap_layout(NeighbourLists neighbours);

}  // namespace lapatlas
