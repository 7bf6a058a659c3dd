#pragma once

#include <string>

namespace lapatlas {

/// MPI's lifetime in this process. Create one in main before anything else.
class MpiEnvironment {
  public:
    /// Chooses the ROMIO MPI-IO layer (Open MPI's own hides a full disk), then starts MPI.
    MpiEnvironment(int& argc, char**& argv);
    ~MpiEnvironment();
    MpiEnvironment(const MpiEnvironment&) = delete;
    MpiEnvironment& operator=(const MpiEnvironment&) = delete;

    /// Whether threads may call MPI one at a time.
    static bool serves_threads();
    /// e.g. "Open MPI v4.1.4"
    static std::string library_version();
};

/// Ends the whole job at once. For errors that not every rank knows of: an exception that escaped
/// the agreement rule on one rank must never leave the others waiting.
[[noreturn]] void abort_all_ranks(int exit_code);

}  // namespace lapatlas
