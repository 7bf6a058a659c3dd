#pragma once

#include <string>

namespace lapatlas {

/// Several lines: this program, everything it is linked with, and what was built in.
std::string version_text();

}  // namespace lapatlas
