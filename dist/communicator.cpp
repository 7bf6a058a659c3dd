#include "dist/communicator.hpp"

#include <string>

#include "dist/error.hpp"

namespace lapatlas {

void check_mpi(int code, const char* call) {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    throw MpiError(std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)));
}

Communicator::Communicator(MPI_Comm handle) : handle_(handle) {
    check_mpi(MPI_Comm_rank(handle, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(handle, &size_), "MPI_Comm_size");
}

OwnedCommunicator OwnedCommunicator::duplicate(const Communicator& of) {
    MPI_Comm handle = MPI_COMM_NULL;
    check_mpi(MPI_Comm_dup(of.handle(), &handle), "MPI_Comm_dup");
    return OwnedCommunicator(handle);
}

OwnedCommunicator::~OwnedCommunicator() {
    // Never finalise or free while MPI is already gone, and never throw from here.
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (handle_ != MPI_COMM_NULL && finalized == 0) MPI_Comm_free(&handle_);
}

}  // namespace lapatlas
