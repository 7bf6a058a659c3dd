#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/block_range.hpp"
#include "dist/collectives.hpp"

namespace lapatlas {

/// Collective. Looks rows up: `values` [rows of this rank, width] are dealt by block_of_rank over `num_rows`;
/// returns [wanted, width], the values of the global rows `wanted`, in that order.
template <class T>
std::vector<T> fetch_rows(const Communicator& comm, std::int64_t num_rows, std::span<const T> values,
                          std::int64_t width, std::span<const std::int64_t> wanted) {
    std::vector<int> owners;
    owners.reserve(wanted.size());
    for (const std::int64_t row : wanted) owners.push_back(rank_of_row(num_rows, comm.size(), row));
    const Outbox<std::int64_t> questions =
        group_by_destination(wanted, std::span<const int>(owners), comm.size());
    const Received<std::int64_t> asked = all_to_all_v<std::int64_t>(comm, questions.items, questions.offsets);

    const std::int64_t begin = block_of_rank(num_rows, comm.size(), comm.rank()).begin;
    std::vector<T> answers(asked.items.size() * static_cast<std::size_t>(width));
    for (std::size_t i = 0; i < asked.items.size(); ++i)
        std::copy_n(values.data() + (asked.items[i] - begin) * width, width,
                    answers.data() + static_cast<std::int64_t>(i) * width);
    std::vector<std::int64_t> answer_offsets(asked.offsets);
    for (std::int64_t& offset : answer_offsets) offset *= width;
    const Received<T> received = all_to_all_v<T>(comm, answers, answer_offsets);

    // Answers come grouped by owner, in the order asked: put them back in the caller's order.
    std::vector<std::int64_t> next(questions.offsets.begin(), questions.offsets.end() - 1);
    std::vector<T> result(wanted.size() * static_cast<std::size_t>(width));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const std::int64_t at = next[static_cast<std::size_t>(owners[i])]++;
        std::copy_n(received.items.data() + at * width, width,
                    result.data() + static_cast<std::int64_t>(i) * width);
    }
    return result;
}

}  // namespace lapatlas
