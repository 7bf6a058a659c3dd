#pragma once

#include <mpi.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/error.hpp"

namespace lapatlas {

/// The one cast from our 64-bit counts to MPI's int.
inline int mpi_count(std::int64_t count) {
    if (count < 0 || count > std::numeric_limits<int>::max())
        throw InternalError("a message of " + std::to_string(count) +
                            " items exceeds MPI's 2^31 - 1; use more ranks");
    return static_cast<int>(count);
}

template <class T>
MPI_Datatype mpi_arithmetic_type() {
    if constexpr (std::is_same_v<T, float>)
        return MPI_FLOAT;
    else if constexpr (std::is_same_v<T, double>)
        return MPI_DOUBLE;
    else if constexpr (std::is_same_v<T, std::int32_t>)
        return MPI_INT32_T;
    else if constexpr (std::is_same_v<T, std::int64_t>)
        return MPI_INT64_T;
    else if constexpr (std::is_same_v<T, std::uint32_t>)
        return MPI_UINT32_T;
    else if constexpr (std::is_same_v<T, std::uint64_t>)
        return MPI_UINT64_T;
    else
        static_assert(!sizeof(T), "no MPI type for reductions of T");
}

/// An MPI datatype of sizeof(T) bytes, so that counts are items and not bytes.
template <class T>
class MpiItemType {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    MpiItemType() {
        check_mpi(MPI_Type_contiguous(sizeof(T), MPI_BYTE, &type_), "MPI_Type_contiguous");
        check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
    }
    ~MpiItemType() { MPI_Type_free(&type_); }
    MpiItemType(const MpiItemType&) = delete;
    MpiItemType& operator=(const MpiItemType&) = delete;
    MPI_Datatype get() const { return type_; }

  private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

/// Collective. Element-wise reduction in place; every rank gets the result.
template <class T>
void all_reduce(const Communicator& comm, std::span<T> values, MPI_Op op) {
    constexpr std::size_t kPiece = std::size_t{1} << 28;
    for (std::size_t first = 0; first < values.size(); first += kPiece) {
        const std::size_t count = std::min(kPiece, values.size() - first);
        check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, static_cast<int>(count),
                                mpi_arithmetic_type<T>(), op, comm.handle()),
                  "MPI_Allreduce");
    }
}

/// Collective.
template <class T>
void all_reduce_sum(const Communicator& comm, std::span<T> values) {
    all_reduce(comm, values, MPI_SUM);
}
/// Collective.
template <class T>
T all_reduce_sum(const Communicator& comm, T value) {
    all_reduce(comm, std::span<T>(&value, 1), MPI_SUM);
    return value;
}
/// Collective.
template <class T>
T all_reduce_max(const Communicator& comm, T value) {
    all_reduce(comm, std::span<T>(&value, 1), MPI_MAX);
    return value;
}
/// Collective.
template <class T>
T all_reduce_min(const Communicator& comm, T value) {
    all_reduce(comm, std::span<T>(&value, 1), MPI_MIN);
    return value;
}

/// Collective. Sum of `value` over the ranks before this one (0 on rank 0).
template <class T>
T exclusive_sum(const Communicator& comm, T value) {
    T sum = 0;
    check_mpi(MPI_Exscan(&value, &sum, 1, mpi_arithmetic_type<T>(), MPI_SUM, comm.handle()), "MPI_Exscan");
    return comm.is_root() ? T{0} : sum;
}

/// Collective. Overwrites `values` (same size everywhere) with the root's.
template <class T>
void broadcast(const Communicator& comm, std::span<T> values, int root = 0) {
    const MpiItemType<T> type;
    check_mpi(MPI_Bcast(values.data(), mpi_count(static_cast<std::int64_t>(values.size())), type.get(), root,
                        comm.handle()),
              "MPI_Bcast");
}

/// Collective. The root's vector everywhere; sizes need not match beforehand.
template <class T>
void broadcast(const Communicator& comm, std::vector<T>& values, int root = 0) {
    std::int64_t size = static_cast<std::int64_t>(values.size());
    broadcast(comm, std::span<std::int64_t>(&size, 1), root);
    values.resize(static_cast<std::size_t>(size));
    broadcast(comm, std::span<T>(values), root);
}

/// Collective.
inline void broadcast(const Communicator& comm, std::string& text, int root = 0) {
    std::vector<char> bytes(text.begin(), text.end());
    broadcast(comm, bytes, root);
    text.assign(bytes.begin(), bytes.end());
}

/// Collective. The root's strings everywhere.
void broadcast(const Communicator& comm, std::vector<std::string>& texts, int root = 0);

/// Collective. One item of each rank, in rank order.
template <class T>
std::vector<T> all_gather(const Communicator& comm, const T& item) {
    const MpiItemType<T> type;
    std::vector<T> items(static_cast<std::size_t>(comm.size()));
    check_mpi(MPI_Allgather(&item, 1, type.get(), items.data(), 1, type.get(), comm.handle()),
              "MPI_Allgather");
    return items;
}

namespace detail {
struct CountsAndOffsets {
    std::vector<int> counts;
    std::vector<int> offsets;
    std::int64_t total = 0;
};
CountsAndOffsets counts_and_offsets(std::span<const std::int64_t> counts);
}  // namespace detail

/// Collective. Everybody's items, concatenated in rank order, on every rank.
template <class T>
std::vector<T> all_gather_v(const Communicator& comm, std::span<const T> mine) {
    const auto counts = all_gather(comm, static_cast<std::int64_t>(mine.size()));
    const auto layout = detail::counts_and_offsets(counts);
    const MpiItemType<T> type;
    std::vector<T> all(static_cast<std::size_t>(layout.total));
    check_mpi(MPI_Allgatherv(mine.data(), static_cast<int>(mine.size()), type.get(), all.data(),
                             layout.counts.data(), layout.offsets.data(), type.get(), comm.handle()),
              "MPI_Allgatherv");
    return all;
}

/// Collective. Everybody's items, concatenated in rank order, on `root`; empty elsewhere.
template <class T>
std::vector<T> gather_v(const Communicator& comm, std::span<const T> mine, int root = 0) {
    const auto counts = all_gather(comm, static_cast<std::int64_t>(mine.size()));
    const auto layout = detail::counts_and_offsets(counts);
    const MpiItemType<T> type;
    std::vector<T> all(comm.rank() == root ? static_cast<std::size_t>(layout.total) : 0);
    check_mpi(MPI_Gatherv(mine.data(), static_cast<int>(mine.size()), type.get(), all.data(),
                          layout.counts.data(), layout.offsets.data(), type.get(), root, comm.handle()),
              "MPI_Gatherv");
    return all;
}

/// Collective. Deals `all` (on root) to the ranks: rank r gets counts[r] items. `my_count` is known locally.
template <class T>
std::vector<T> scatter_v(const Communicator& comm, std::span<const T> all, std::int64_t my_count,
                         int root = 0) {
    const auto counts = all_gather(comm, my_count);
    const auto layout = detail::counts_and_offsets(counts);
    const MpiItemType<T> type;
    std::vector<T> mine(static_cast<std::size_t>(my_count));
    check_mpi(MPI_Scatterv(all.data(), layout.counts.data(), layout.offsets.data(), type.get(), mine.data(),
                           mpi_count(my_count), type.get(), root, comm.handle()),
              "MPI_Scatterv");
    return mine;
}

/// What all_to_all_v brought: items of source rank s are items[offsets[s] .. offsets[s + 1]).
template <class T>
struct Received {
    std::vector<T> items;
    std::vector<std::int64_t> offsets;
};

/// Collective. Sends items[send_offsets[r] .. send_offsets[r + 1]) to rank r (send_offsets has size + 1
/// entries).
template <class T>
Received<T> all_to_all_v(const Communicator& comm, std::span<const T> items,
                         std::span<const std::int64_t> send_offsets) {
    const std::size_t ranks = static_cast<std::size_t>(comm.size());
    ensure(send_offsets.size() == ranks + 1, "all_to_all_v needs one offset a rank and the end");
    std::vector<std::int64_t> send_counts(ranks), receive_counts(ranks);
    for (std::size_t r = 0; r < ranks; ++r) send_counts[r] = send_offsets[r + 1] - send_offsets[r];
    check_mpi(MPI_Alltoall(send_counts.data(), 1, MPI_INT64_T, receive_counts.data(), 1, MPI_INT64_T,
                           comm.handle()),
              "MPI_Alltoall");
    const auto send = detail::counts_and_offsets(send_counts);
    const auto receive = detail::counts_and_offsets(receive_counts);
    Received<T> received;
    received.items.resize(static_cast<std::size_t>(receive.total));
    const MpiItemType<T> type;
    check_mpi(MPI_Alltoallv(items.data(), send.counts.data(), send.offsets.data(), type.get(),
                            received.items.data(), receive.counts.data(), receive.offsets.data(), type.get(),
                            comm.handle()),
              "MPI_Alltoallv");
    received.offsets.assign(1, 0);
    for (const std::int64_t count : receive_counts)
        received.offsets.push_back(received.offsets.back() + count);
    return received;
}

/// Items grouped by destination rank, ready for all_to_all_v.
template <class T>
struct Outbox {
    std::vector<T> items;
    std::vector<std::int64_t> offsets;  // [num_ranks + 1]
};

/// Groups `items` by destinations[i], keeping their order within a destination.
template <class T>
Outbox<T> group_by_destination(std::span<const T> items, std::span<const int> destinations, int num_ranks) {
    Outbox<T> outbox;
    outbox.offsets.assign(static_cast<std::size_t>(num_ranks) + 1, 0);
    for (const int d : destinations) ++outbox.offsets[static_cast<std::size_t>(d) + 1];
    for (std::size_t r = 1; r < outbox.offsets.size(); ++r) outbox.offsets[r] += outbox.offsets[r - 1];
    std::vector<std::int64_t> next(outbox.offsets.begin(), outbox.offsets.end() - 1);
    outbox.items.resize(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        outbox.items[static_cast<std::size_t>(next[static_cast<std::size_t>(destinations[i])]++)] = items[i];
    return outbox;
}

/// Collective. Sends items[i] to rank destinations[i].
template <class T>
Received<T> send_to(const Communicator& comm, std::span<const T> items, std::span<const int> destinations) {
    const Outbox<T> outbox = group_by_destination(items, destinations, comm.size());
    return all_to_all_v<T>(comm, outbox.items, outbox.offsets);
}

/// Collective.
void barrier(const Communicator& comm);

}  // namespace lapatlas
