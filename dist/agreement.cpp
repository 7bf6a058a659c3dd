#include "dist/agreement.hpp"

#include <new>
#include <string>

#include "dist/collectives.hpp"
#include "dist/error.hpp"

namespace lapatlas {

namespace {

struct Failure {
    ErrorKind kind = ErrorKind::kInternal;
    std::string message;
};

Failure describe(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        return {error.kind(), error.what()};
    } catch (const std::bad_alloc&) {
        return {ErrorKind::kResource, "out of memory; use more ranks, or nodes with more memory"};
    } catch (const std::exception& error) {
        return {ErrorKind::kInternal, error.what()};
    } catch (...) {
        return {ErrorKind::kInternal, "unknown exception"};
    }
}

}  // namespace

void agree(const Communicator& comm, std::exception_ptr failure) {
    const int failing_rank = all_reduce_min(comm, failure ? comm.rank() : comm.size());
    if (failing_rank == comm.size()) return;
    Failure first;
    if (comm.rank() == failing_rank) first = describe(failure);
    int kind = static_cast<int>(first.kind);
    broadcast(comm, std::span<int>(&kind, 1), failing_rank);
    broadcast(comm, first.message, failing_rank);
    // The user's errors are about the data, not about who read them.
    const bool name_rank = comm.size() > 1 && static_cast<ErrorKind>(kind) != ErrorKind::kInput &&
                           static_cast<ErrorKind>(kind) != ErrorKind::kConfig;
    throw_error(static_cast<ErrorKind>(kind),
                name_rank ? first.message + " [rank " + std::to_string(failing_rank) + "]" : first.message);
}

bool from_root(const Communicator& comm, bool value) {
    int word = value ? 1 : 0;
    broadcast(comm, std::span<int>(&word, 1));
    return word != 0;
}

}  // namespace lapatlas
