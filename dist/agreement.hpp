#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Collective. `failure` is what this rank caught (or null). If any rank failed, all ranks throw the error of
/// the lowest failing rank, of the same class, naming that rank when there are several.
void agree(const Communicator& comm, std::exception_ptr failure);

/// Collective. The agreement rule (every rank-local step that can fail goes through here): runs `local` on
/// every rank, then either all ranks return or all ranks throw together. `local` must not communicate.
template <class F>
auto agreed(const Communicator& comm, F&& local) {
    using Result = std::invoke_result_t<F>;
    std::exception_ptr failure;
    if constexpr (std::is_void_v<Result>) {
        try {
            local();
        } catch (...) {
            failure = std::current_exception();
        }
        agree(comm, failure);
    } else {
        std::optional<Result> result;
        try {
            result.emplace(local());
        } catch (...) {
            failure = std::current_exception();
        }
        agree(comm, failure);
        return std::move(*result);
    }
}

/// Collective. The root's value everywhere.
bool from_root(const Communicator& comm, bool value);

/// Collective. The root's answer to a question about the outside world (is a file there?) everywhere: ranks
/// on other nodes may see a shared file system otherwise for a while, and must not go another way for it.
template <class F>
bool root_decides(const Communicator& comm, F&& question) {
    return from_root(comm, agreed(comm, [&] { return comm.is_root() && question(); }));
}

}  // namespace lapatlas
