#pragma once

#include <string>
#include <vector>

#include "src/report/svg_canvas.hpp"

namespace lapatlas {

/// Markers by type, as scanpy's dotplot: the area of a dot is the share of the type's cells that express the
/// gene, its shade their mean expression as a share of the gene's largest. Each cell of the grid shows real
/// cells above and generated cells below.
struct DotPlot {
    std::string title, alt;
    std::vector<std::string> rows, columns;  ///< types, genes
    // [rows x columns], rows slowest.
    std::vector<double> real_share, real_mean, generated_share, generated_mean;
};

Picture picture_of(const DotPlot& plot);

}  // namespace lapatlas
