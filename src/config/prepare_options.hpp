#pragma once

#include <cstdint>
#include <string>

#include "src/config/choices.hpp"

namespace lapatlas {

struct PrepareOptions {
    std::int64_t min_cells = 3;
    std::int64_t min_genes = 0;
    double max_mito_fraction = 1;
    std::int64_t keep_variable_genes = 0;
    std::int64_t highly_variable_genes = 0;
    double target_sum = 1e4;
    std::int64_t pca_components = 50;
    std::int64_t k = 0;
    std::int64_t exact_knn_below = 50000;
    std::int64_t encodings = 16;
    std::int64_t clusters = 0;
    std::string partitioner = "auto";
    std::string communities = "none";
    double community_resolution = 1;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("min_cells", min_cells, "keep genes seen in at least this many training cells");
        v("min_genes", min_genes, "drop cells with fewer genes");
        v("max_mito_fraction", max_mito_fraction, "drop cells with a larger share of counts in MT- genes");
        v("keep_variable_genes", keep_variable_genes,
          "keep of these genes this many only, the most variable ones (Seurat v3 ranking); 0: all");
        v("highly_variable_genes", highly_variable_genes,
          "genes used for the graph (Seurat v3 ranking); 0: all kept genes");
        v("target_sum", target_sum, "counts a cell is scaled to before log1p (graph and encoder input)");
        v("pca_components", pca_components, "principal components the neighbours are found in");
        v("k", k, "nearest neighbours a cell; 0: from the data, 10 to 30");
        v("exact_knn_below", exact_knn_below,
          "above this many training cells neighbours are approximate (recall is measured); on GPUs, above 40 "
          "times as many");
        v("encodings", encodings, "Laplacian positional encodings a cell");
        v("clusters", clusters,
          "METIS clusters of the graph; 0: from the data, max(64, training cells / 256)");
        v("partitioner", partitioner,
          "what makes them: metis (on the first rank), scotch (PT-Scotch on all ranks) or auto: metis up to "
          "500 million edges",
          Choices{"auto", "metis", "scotch"});
        v("communities", communities,
          "cells' labels are the communities of the neighbour graph, found by this method and numbered by "
          "size as scanpy does (held-out cells: that of most neighbours); none: input.label_key has labels",
          Choices{"none", "louvain", "leiden"});
        v("community_resolution", community_resolution, "larger: more of them");
    }
};

}  // namespace lapatlas
