#pragma once

#include <string>

namespace lapatlas {

/// Processor time that this process has used so far, all its threads together.
double process_cpu_seconds();

/// The name of the machine that this process runs on.
std::string host_name();

}  // namespace lapatlas
