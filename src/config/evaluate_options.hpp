#pragma once

#include <cstdint>
#include <string>

namespace lapatlas {

struct EvaluateOptions {
    std::int64_t halvings = 8;
    std::int64_t max_cells = 1500;
    std::int64_t pca_components = 30;
    std::int64_t min_type_cells = 20;
    std::int64_t trees = 200;
    bool write_draws = false;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("halvings", halvings,
          "random halvings of the test cells; every figure is a mean and spread over them");
        v("max_cells", max_cells, "cells a side at most");
        v("pca_components", pca_components,
          "components fitted on training cells that the two samples are compared in");
        v("min_type_cells", min_type_cells, "types with fewer cells in a half are named, not scored");
        v("trees", trees, "trees of the random forest that tells real from generated");
        v("write_draws", write_draws,
          "also write which cells each comparison took, so that its figures can be repeated elsewhere");
    }
};

}  // namespace lapatlas
