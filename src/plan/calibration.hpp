#pragma once

#include <cstdint>

namespace lapatlas {

/// What a rank on this machine does in a second, measured with the code and the threads that a run has.
struct MachineSpeed {
    double dense = 0;        ///< float32 operations of matrix products
    double sparse = 0;       ///< entries times columns of the encoder's sparse products
    double graph = 0;        ///< edges times columns of products by the Laplacian
    double likelihood = 0;   ///< rates whose likelihood and gradient are computed
    double draws = 0;        ///< rates of which a count is drawn
    double distances = 0;    ///< pairs of cells that are compared in 50 dimensions
    double compression = 0;  ///< bytes of counts as .h5ad and prepared data are packed
};

/// Rank-local, a few seconds. `hidden`: width of the networks to come.
MachineSpeed measure_machine(std::int64_t hidden);

}  // namespace lapatlas
