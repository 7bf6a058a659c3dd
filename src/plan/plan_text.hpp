#pragma once

#include <optional>
#include <string>

#include "src/plan/memory_plan.hpp"
#include "src/plan/time_plan.hpp"

namespace lapatlas {

/// "counts 2.1 GiB, networks and optimiser 340 MiB", the largest first; what is less than a fiftieth is left
/// out.
std::string items_text(std::vector<MemoryItem> items);

/// What `lapatlas plan` prints. Without `speed` times are not known.
std::string plan_text(const Workload& work, const std::optional<MachineSpeed>& speed);

}  // namespace lapatlas
