# What Debian (or an HPC module) provides. Each is stopped for here, with the name of the package.
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI REQUIRED COMPONENTS C CXX)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "HDF5 ${HDF5_VERSION} was built without MPI: install libhdf5-openmpi-dev, or point HDF5_ROOT at a parallel HDF5")
endif()
add_library(lapatlas_hdf5 INTERFACE)
# hdf5::hdf5 does not link MPI itself.
target_link_libraries(lapatlas_hdf5 INTERFACE hdf5::hdf5 MPI::MPI_CXX)

find_package(METIS REQUIRED)
find_package(PTScotch)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(toml11 REQUIRED)
find_package(ZLIB REQUIRED)
