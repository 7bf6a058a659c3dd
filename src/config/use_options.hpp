#pragma once

#include <cstdint>
#include <string>

namespace lapatlas {

struct EmbedOptions {
    std::string path;
    std::string join_genes = "inner";
    bool batch_from_file = false;
    std::string layer;
    bool denoised = false;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("path", path, "counts of the cells to embed, read as input.path is");
        v("layer", layer, "where in it the counts are; empty: found by looking, and said");
        v("denoised", denoised,
          "also write the layer `denoised`: expected counts, cells x genes, not sparse");
    }
};

struct RobustnessOptions {
    std::string attacks;
    std::string budgets = "0.05,0.2,0.5";
    std::int64_t modes = 4;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("attacks", attacks,
          "\"NAME,NAME\" of random, local, degree, spectral, modes, gradient; empty: all");
        v("budgets", budgets, "root mean squares of the change of an edge weight to try");
        v("modes", modes, "eigenvectors of the attack modes");
    }
};

struct PlanOptions {
    std::int64_t cells = 0;
    std::int64_t genes = 0;
    std::int64_t genes_a_cell = 0;
    std::int64_t ranks = 0;
    std::int64_t ranks_a_node = 0;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("cells", cells, "cells of the atlas to plan for; 0: those of the input");
        v("genes", genes, "genes of it; 0: those of the input");
        v("genes_a_cell", genes_a_cell, "genes with counts in a cell, on average; 0: those of the input");
        v("ranks", ranks, "ranks to plan for; 0: as many as plan");
        v("ranks_a_node", ranks_a_node, "ranks on a machine; 0: all");
    }
};

struct AblateOptions {
    std::int64_t seeds = 3;
    std::string variants;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("seeds", seeds, "runs of each variant: runtime.seed and those after it");
        v("variants", variants, "\"NAME,NAME\" of those to study beside `base`; empty: all");
    }
};

}  // namespace lapatlas
