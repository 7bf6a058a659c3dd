#include "dist/exchange_plan.hpp"

#include <algorithm>

#include "dist/collectives.hpp"

namespace lapatlas {

ExchangePlan plan_exchange(const Communicator& comm, std::span<const int> ghost_owners,
                           std::span<const std::int32_t> ghost_rows) {
    ensure(std::is_sorted(ghost_owners.begin(), ghost_owners.end()), "ghosts are sorted by owner");
    const Received<std::int32_t> wanted = send_to(comm, ghost_rows, ghost_owners);
    ExchangePlan plan;
    plan.send_rows = wanted.items;
    for (int r = 0; r < comm.size(); ++r) {
        const auto index = static_cast<std::size_t>(r);
        if (wanted.offsets[index + 1] > wanted.offsets[index]) {
            plan.send_ranks.push_back(r);
            plan.send_offsets.push_back(wanted.offsets[index + 1]);
        }
        const auto end = std::upper_bound(ghost_owners.begin(), ghost_owners.end(), r) - ghost_owners.begin();
        if (end > plan.receive_offsets.back()) {
            plan.receive_ranks.push_back(r);
            plan.receive_offsets.push_back(end);
        }
    }
    return plan;
}

ExchangePlan restrict_plan(const ExchangePlan& plan, std::span<const std::int32_t> new_owned_rows,
                           std::span<const std::int32_t> new_ghosts) {
    ExchangePlan active;
    for (std::size_t s = 0; s < plan.send_ranks.size(); ++s) {
        for (std::int64_t i = plan.send_offsets[s]; i < plan.send_offsets[s + 1]; ++i) {
            const std::int32_t row =
                new_owned_rows[static_cast<std::size_t>(plan.send_rows[static_cast<std::size_t>(i)])];
            if (row >= 0) active.send_rows.push_back(row);
        }
        const auto end = static_cast<std::int64_t>(active.send_rows.size());
        if (end > active.send_offsets.back()) {
            active.send_ranks.push_back(plan.send_ranks[s]);
            active.send_offsets.push_back(end);
        }
    }
    std::int64_t ghosts = 0;
    for (std::size_t s = 0; s < plan.receive_ranks.size(); ++s) {
        for (std::int64_t g = plan.receive_offsets[s]; g < plan.receive_offsets[s + 1]; ++g)
            ghosts += new_ghosts[static_cast<std::size_t>(g)] >= 0 ? 1 : 0;
        if (ghosts > active.receive_offsets.back()) {
            active.receive_ranks.push_back(plan.receive_ranks[s]);
            active.receive_offsets.push_back(ghosts);
        }
    }
    return active;
}

}  // namespace lapatlas
