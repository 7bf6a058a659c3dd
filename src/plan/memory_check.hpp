#pragma once

#include <filesystem>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"

namespace lapatlas {

/// Collective. Before training begins: ConfigError on all ranks, with sizes and what to change, if what a
/// rank needs by plan_training_memory is more than it can have (runtime.memory, or its part of what the
/// machine has free; the GPU's too). A warning where it is close.
void require_training_memory(const Backend& backend, const Config& config,
                             const std::filesystem::path& prepared, Log& log);

}  // namespace lapatlas
