#include "src/plan/memory_check.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/memory_use.hpp"
#include "src/plan/plan_text.hpp"

namespace lapatlas {

namespace {

constexpr double kClose = 0.8;

/// The least that any rank can have, and which rank that is.
struct Room {
    double bytes = 0;
    int rank = 0;
};

Room least_room(const Communicator& comm, double mine) {
    const std::vector<double> all = all_gather(comm, mine);
    const auto least = std::min_element(all.begin(), all.end());
    return {*least, static_cast<int>(least - all.begin())};
}

/// The fewest ranks, each with as much room, that training fits on; 0 where no number helps.
int ranks_that_fit(const Workload& work, double room, bool on_device) {
    for (int ranks = work.ranks + 1; ranks <= 4096; ++ranks) {
        Workload more = work;
        more.ranks = ranks;
        const StageMemoryPlan plan = plan_training_memory(more);
        if (StageMemoryPlan::total(on_device ? plan.device : plan.host) <= room) return ranks;
    }
    return 0;
}

void require(const Workload& work, const std::vector<MemoryItem>& items, const Room& room, bool on_device,
             Log& log) {
    const double needed = StageMemoryPlan::total(items);
    const std::string what = "training needs about " + bytes_text(needed) +
                             (on_device ? " of a GPU" : " a rank") + ", rank " + std::to_string(room.rank) +
                             " can have " + bytes_text(room.bytes);
    if (needed <= kClose * room.bytes) return;
    // A GPU's estimates have not been set beside measured ones: only what cannot be near is refused.
    const double certain = on_device ? 1.2 : 1;
    if (needed <= certain * room.bytes)
        return log.warning(what + ", and the estimate is right to a fifth at best");
    const int ranks = ranks_that_fit(work, room.bytes, on_device);
    std::string remedy = ranks > 0 ? "start " + std::to_string(ranks) + " ranks with as much each, or " : "";
    remedy += "lower train.active_clusters (" + std::to_string(std::lround(work.active_cells())) +
              " cells a step), train.decode_chunk, model.hidden or model.encoder_genes";
    throw ConfigError(what + " (" + items_text(items) + "); " + remedy +
                      (on_device ? "" : "; runtime.memory says what a rank may use"));
}

}  // namespace

void require_training_memory(const Backend& backend, const Config& config,
                             const std::filesystem::path& prepared, Log& log) {
    const Communicator& comm = backend.comm();
    const PreparedSummary summary = agreed(comm, [&] { return read_prepared_summary(prepared); });
    const int beside = ranks_on_machine(comm);
    Workload work = workload_of(summary, config, comm.size(), beside);
    const std::optional<double> device = backend.device_memory();
    work.on_gpu = device.has_value();
    const StageMemoryPlan plan = plan_training_memory(work);
    // What this process holds already is part of the plan.
    const double mine = config.runtime.memory > 0 ? config.runtime.memory * (1 << 30)
                                                  : static_cast<double>(free_memory()) / beside +
                                                        static_cast<double>(resident_memory());
    require(work, plan.host, least_room(comm, mine), false, log);
    if (device) require(work, plan.device, least_room(comm, *device), true, log);
}

}  // namespace lapatlas
