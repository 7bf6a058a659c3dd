#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"

namespace lapatlas {

/// Who sends which of its rows to whom. Ghost rows (copies of rows that other ranks own) are numbered in the
/// order they arrive: by source rank, then in the order the source sends them.
struct ExchangePlan {
    std::vector<int> send_ranks;
    std::vector<std::int64_t> send_offsets{0};  // [send_ranks + 1], into send_rows
    std::vector<std::int32_t> send_rows;        // owned rows, grouped by destination
    std::vector<int> receive_ranks;
    std::vector<std::int64_t> receive_offsets{0};  // [receive_ranks + 1], into the ghosts

    std::int64_t num_ghosts() const { return receive_offsets.back(); }
};

/// Collective. The plan that brings ghost g from row ghost_rows[g] of rank ghost_owners[g].
/// Ghosts must be sorted by owner; within an owner the order is the caller's.
ExchangePlan plan_exchange(const Communicator& comm, std::span<const int> ghost_owners,
                           std::span<const std::int32_t> ghost_rows);

/// The part of `plan` between active rows: new_owned_rows[r] and new_ghosts[g] are the compact numbers of
/// active rows and ghosts, or -1. Needs no message as long as all ranks agree on what is active.
ExchangePlan restrict_plan(const ExchangePlan& plan, std::span<const std::int32_t> new_owned_rows,
                           std::span<const std::int32_t> new_ghosts);

}  // namespace lapatlas
