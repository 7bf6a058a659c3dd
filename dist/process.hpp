#pragma once

#include <cstdint>
#include <string>

namespace lapatlas {

/// Processor time that this process has used so far, all its threads together.
double process_cpu_seconds();

/// Bytes that this process has read and written so far, through any descriptor; 0 where the system does not
/// say.
double process_io_bytes();

/// A number of the running system (drawn when it booted): equal in two processes, they are on one machine,
/// whatever the machine calls itself.
std::uint64_t machine_id();

/// The number of one of this process's namespaces ("pid", "net"); containers have their own. Only within one
/// machine.
std::uint64_t namespace_id(const std::string& kind);

/// The name of the machine that this process runs on.
std::string host_name();

}  // namespace lapatlas
