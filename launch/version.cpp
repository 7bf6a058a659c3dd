#include "launch/version.hpp"

#include <torch/version.h>
#include <zlib.h>
#include <CLI/Version.hpp>
#include <Eigen/Core>
#include <toml.hpp>

#include "dist/environment.hpp"
#include "dist/hdf5_file.hpp"
#include "partition/metis_partitioner.hpp"
#include "src/evaluate/optimal_transport.hpp"
#include "src/evaluate/random_forest.hpp"
#include "src/graph/communities.hpp"

namespace lapatlas {

std::string version_text() {
    std::string text = "lapatlas " LAPATLAS_VERSION "\n";
    const auto line = [&](const std::string& name, const std::string& value) {
        text += "  " + name + std::string(12 - name.size(), ' ') + value + "\n";
    };
    line("MPI", MpiEnvironment::library_version());
    line("HDF5", hdf5_version() + ", parallel");
    line("METIS", metis_version());
    line("LibTorch", TORCH_VERSION);
    line("Eigen", std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
                      std::to_string(EIGEN_MINOR_VERSION));
    line("LEMON", optimal_transport_version());
    line("OpenCV ml", random_forest_version());
    line("NetworKit", community_library_version());
    line("CLI11", CLI11_VERSION);
    line("toml11", std::to_string(TOML11_VERSION_MAJOR) + "." + std::to_string(TOML11_VERSION_MINOR) + "." +
                       std::to_string(TOML11_VERSION_PATCH));
    line("zlib", zlibVersion());
    line("compiler", "GCC-compatible " __VERSION__);
#ifdef LAPATLAS_CUDA
    line("CUDA", "on: training and generation");
    line("NCCL", "on: between GPUs");
#else
    line("CUDA", "off");
    line("NCCL", "off");
#endif
    return text;
}

}  // namespace lapatlas
