#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/hdf5_file.hpp"

namespace lapatlas {

/// A further condition of cells beside label and batch: a column of obs. Values of cells are [cells,
/// columns]: a number, or the place of a category; NaN where missing.
struct CovariateColumn {
    std::string name;
    std::vector<std::string> categories;  ///< sorted; empty: numbers
    /// Of numbers, over training cells that have one.
    double mean = 0, deviation = 1, lowest = 0, highest = 0;

    bool is_number() const { return categories.empty(); }
};

/// Collective. Fills in the figures of the numbers among `columns` from this rank's training cells' values
/// [cells, columns]. InputError where no training cell has a value.
void measure_covariates(const Communicator& comm, const std::vector<float>& values,
                        std::vector<CovariateColumn>& columns);

/// In an HDF5 file under "covariates/".
void write_covariate_columns(Hdf5File& file, const std::vector<CovariateColumn>& columns);
std::vector<CovariateColumn> read_covariate_columns(const Hdf5File& file);

}  // namespace lapatlas
