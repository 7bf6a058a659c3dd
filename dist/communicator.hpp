#pragma once

#include <mpi.h>

#include <utility>

namespace lapatlas {

/// A view of an MPI communicator: cheap to copy, owns nothing.
class Communicator {
  public:
    explicit Communicator(MPI_Comm handle);
    /// All ranks of the job.
    static Communicator world() { return Communicator(MPI_COMM_WORLD); }
    /// This rank alone: lets distributed code run without partners.
    static Communicator self() { return Communicator(MPI_COMM_SELF); }

    MPI_Comm handle() const { return handle_; }
    int rank() const { return rank_; }
    int size() const { return size_; }
    bool is_root() const { return rank_ == 0; }

  private:
    MPI_Comm handle_;
    int rank_ = 0;
    int size_ = 1;
};

/// Owns a communicator of its own and frees it.
class OwnedCommunicator {
  public:
    /// Collective. Same ranks, separate message space.
    static OwnedCommunicator duplicate(const Communicator& of);

    OwnedCommunicator(OwnedCommunicator&& other) noexcept
        : handle_(std::exchange(other.handle_, MPI_COMM_NULL)) {}
    OwnedCommunicator& operator=(OwnedCommunicator&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~OwnedCommunicator();
    Communicator view() const { return Communicator(handle_); }

  private:
    explicit OwnedCommunicator(MPI_Comm handle) : handle_(handle) {}
    MPI_Comm handle_;
};

/// Throws MpiError with MPI's own words unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace lapatlas
