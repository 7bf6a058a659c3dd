#include "src/plan_run.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "dist/device.hpp"
#include "dist/error.hpp"
#include "src/io/atlas_size.hpp"
#include "src/pipeline.hpp"
#include "src/plan/plan_text.hpp"

namespace lapatlas {

namespace {

AtlasSize asked_size(const Config& config) {
    const PlanOptions& asked = config.plan;
    const bool whole = asked.cells > 0 && asked.genes > 0 && asked.genes_a_cell > 0;
    AtlasSize size = whole ? AtlasSize{} : read_atlas_size(config.input);
    const double genes_a_cell =
        asked.genes_a_cell > 0 ? static_cast<double>(asked.genes_a_cell)
                               : size.nonzeros / static_cast<double>(std::max<std::int64_t>(1, size.cells));
    if (asked.cells > 0) size.cells = asked.cells;
    if (asked.genes > 0) size.genes = asked.genes;
    size.nonzeros = genes_a_cell * static_cast<double>(size.cells);
    if (size.cells < 1 || size.genes < 1)
        throw InputError(config.input.path + ": holds no cells or no genes");
    return size;
}

}  // namespace

std::string plan_run(const Communicator& comm, const RunFolder& run, const Config& config) {
    const PlanOptions& asked = config.plan;
    const int ranks = asked.ranks > 0 ? static_cast<int>(asked.ranks) : comm.size();
    const int ranks_a_machine =
        asked.ranks_a_node > 0 ? std::min(ranks, static_cast<int>(asked.ranks_a_node)) : ranks;
    const bool asks = asked.cells > 0 || asked.genes > 0 || asked.genes_a_cell > 0;
    Workload work = !asks && is_prepared(run, config)
                        ? workload_of(read_prepared_summary(run.prepared()), config, ranks, ranks_a_machine)
                        : workload_of(asked_size(config), config, ranks, ranks_a_machine);
    // One may plan for GPUs where there are none.
    work.on_gpu =
        config.runtime.device == "cuda" || (config.runtime.device == "auto" && survey_gpus().count > 0);
    std::optional<MachineSpeed> speed;
    if (!work.on_gpu) speed = measure_machine(work.config.model.hidden);
    return plan_text(work, speed);
}

}  // namespace lapatlas
