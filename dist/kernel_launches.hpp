#pragma once

#include <cstdint>
#include <string>

namespace lapatlas {

/// How often this process has started each GPU kernel, by the name that launch() was given. Tests of a GPU
/// path ask for it, so that no other path can pass for it.
void count_kernel_launch(const std::string& kernel);
std::int64_t kernel_launches(const std::string& kernel);

}  // namespace lapatlas
