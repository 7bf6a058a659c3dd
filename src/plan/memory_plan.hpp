#pragma once

#include <string>
#include <vector>

#include "src/plan/workload.hpp"

namespace lapatlas {

struct MemoryItem {
    std::string what;
    double bytes = 0;
};

/// The memory of one stage on the rank that needs the most (the first, which also holds what only one rank
/// holds).
struct StageMemoryPlan {
    std::vector<MemoryItem> host;    ///< resident at the stage's peak
    std::vector<MemoryItem> device;  ///< of the GPU's memory; empty where networks compute on the CPU

    static double total(const std::vector<MemoryItem>& items);
};

StageMemoryPlan plan_preparation_memory(const Workload& work);
StageMemoryPlan plan_training_memory(const Workload& work);
StageMemoryPlan plan_generation_memory(const Workload& work);

/// Bytes of the run's files.
struct DiskPlan {
    double prepared = 0;
    double checkpoints = 0;
    double atlas = 0;
};
DiskPlan plan_disk(const Workload& work);

}  // namespace lapatlas
