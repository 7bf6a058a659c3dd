#pragma once

#include <cstdint>
#include <string>

namespace lapatlas {

struct SimulateOptions {
    std::int64_t cells = 2000;
    std::int64_t genes = 2000;
    std::int64_t types = 8;
    std::int64_t batches = 1;
    double median_counts = 2500;
    std::int64_t programs = 0;
    bool time_course = false;
    std::int64_t treatments = 0;
    double label_missing_fraction = 0;
    std::int64_t proteins = 0;
    double protein_missing_fraction = 0;
    std::int64_t dice_setup = 0;

    template <class Visitor>
    void describe(Visitor&& v) {
        v("cells", cells, "number of cells");
        v("genes", genes, "number of genes");
        v("types", types, "number of cell types, leaves of a binary hierarchy");
        v("batches", batches, "number of batches; above 1 each shifts the genes a little");
        v("median_counts", median_counts, "median counts of a cell (log-normal libraries)");
        v("programs", programs,
          "gene programs that vary from cell to cell within a type (cycle, stress, activation); 0: cells of "
          "a "
          "type differ by noise alone");
        v("time_course", time_course,
          "cells lie evenly along a course, obs pseudotime from 0 to 1, in which a twentieth of the genes "
          "rises or "
          "falls");
        v("treatments", treatments,
          "above 1: cells are of treatment_0 (none), treatment_1, ... (obs treatment), each of which moves "
          "genes of "
          "its own");
        v("label_missing_fraction", label_missing_fraction, "share of cells written without a label");
        v("proteins", proteins,
          "antibody counts beside the genes (obsm protein_expression), each high in some types and low in "
          "others");
        v("protein_missing_fraction", protein_missing_fraction, "share of cells without antibody counts");
        v("dice_setup", dice_setup,
          "1 to 4: instead of counts the reference and query of that synthetic setup of DICE, real values, "
          "as "
          "OUTPUT and OUTPUT-query.h5ad; 0: counts");
    }
};

}  // namespace lapatlas
