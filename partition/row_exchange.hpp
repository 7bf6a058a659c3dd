#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/ask_owners.hpp"
#include "dist/block_range.hpp"

namespace lapatlas {

/// Collective. Looks rows up: `values` [rows of this rank, width] are dealt by block_of_rank over `num_rows`;
/// returns [wanted, width], the values of the global rows `wanted`, in that order.
template <class T>
std::vector<T> fetch_rows(const Communicator& comm, std::int64_t num_rows, std::span<const T> values,
                          std::int64_t width, std::span<const std::int64_t> wanted) {
    std::vector<int> owners;
    owners.reserve(wanted.size());
    for (const std::int64_t row : wanted) owners.push_back(rank_of_row(num_rows, comm.size(), row));
    const std::int64_t begin = block_of_rank(num_rows, comm.size(), comm.rank()).begin;
    const auto rows_of = [&](std::span<const std::int64_t> asked) {
        std::vector<T> answers(asked.size() * static_cast<std::size_t>(width));
        for (std::size_t i = 0; i < asked.size(); ++i)
            std::copy_n(values.data() + (asked[i] - begin) * width, width,
                        answers.data() + static_cast<std::int64_t>(i) * width);
        return answers;
    };
    return ask_owners<T>(comm, wanted, std::span<const int>(owners), rows_of, width);
}

}  // namespace lapatlas
