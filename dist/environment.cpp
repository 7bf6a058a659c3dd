#include "dist/environment.hpp"

#include <mpi.h>

#include <cstdlib>
#include <exception>

#include "dist/communicator.hpp"

namespace lapatlas {

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) {
    // ROMIO, whatever version of it an Open MPI has: romio321 in 4, romio341 in 5.
    setenv("OMPI_MCA_io", "^ompio", 0);
    // HDF5 locks the files it opens, which some file systems (Lustre, NFS without its lock server) refuse.
    setenv("HDF5_USE_FILE_LOCKING", "BEST_EFFORT", 0);
    int provided = 0;
    // LibTorch runs the backward pass of a GPU's tensors on a thread of its own, while this one waits: it is
    // there that gradients leave for the other ranks.
    check_mpi(MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
}

MpiEnvironment::~MpiEnvironment() {
    // While unwinding, a rank must not enter the collective that MPI_Finalize is.
    if (std::uncaught_exceptions() > 0) return;
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0) MPI_Finalize();
}

bool MpiEnvironment::serves_threads() {
    int provided = MPI_THREAD_SINGLE;
    MPI_Query_thread(&provided);
    return provided >= MPI_THREAD_SERIALIZED;
}

std::string MpiEnvironment::library_version() {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    const std::string full(text, static_cast<std::size_t>(length));
    return full.substr(0, full.find(','));
}

void abort_all_ranks(int exit_code) {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::abort();
}

}  // namespace lapatlas
