#pragma once

#include <cstdint>
#include <string>

#include "dist/communicator.hpp"

namespace lapatlas {

/// The memory of a stage of a run: what each rank's process held at most (resident set, as the kernel counts
/// it) since this object was made. One at a time.
class StageMemory {
  public:
    /// Rank-local. Memory that earlier stages gave back goes to the system first.
    StageMemory();
    /// Rank-local, in bytes.
    std::int64_t peak() const;
    /// Collective. "peak memory: 1.2 GiB a rank at most, 2.1 GiB in all"
    std::string text(const Communicator& comm) const;
};

/// While it lives, memory that is freed stays with the process and is used again. Otherwise large blocks go
/// to the system and come back as pages that it clears: a quarter of a training step whose blocks are large.
/// One at a time. Does nothing without glibc.
class ReusedMemory {
  public:
    ReusedMemory();
    /// Free memory goes to the system.
    ~ReusedMemory();
    ReusedMemory(const ReusedMemory&) = delete;
    ReusedMemory& operator=(const ReusedMemory&) = delete;
};

/// Rank-local. Bytes that this process holds now.
std::int64_t resident_memory();

/// Rank-local. Bytes of this process's own writable memory, taken or only reserved: what RLIMIT_DATA counts.
std::int64_t private_memory();

/// AddressSanitizer reserves memory of its own, so that a process's is no measure of the program's.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kHasAddressSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kHasAddressSanitizer = __has_feature(address_sanitizer);
#else
inline constexpr bool kHasAddressSanitizer = false;
#endif

/// Rank-local. Bytes that processes can still take on this machine: what is free or can be freed, within the
/// limits of this process's control groups (SLURM and containers set them).
std::int64_t free_memory();

/// Collective. How many of the ranks are on this rank's machine.
int ranks_on_machine(const Communicator& comm);

/// "1.2 GiB", "340 MiB", "12 KiB"
std::string bytes_text(double bytes);

}  // namespace lapatlas
