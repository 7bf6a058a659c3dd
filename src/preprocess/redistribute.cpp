#include "src/preprocess/redistribute.hpp"

#include <numeric>

namespace lapatlas {

CountMatrix deal_rows(const Communicator& comm, const CountMatrix& matrix,
                      std::span<const std::int64_t> new_rows, std::int64_t num_rows) {
    std::vector<std::int64_t> lengths;
    std::vector<int> owners;
    for (std::size_t r = 0; r < new_rows.size(); ++r) {
        lengths.push_back(matrix.row_offsets[r + 1] - matrix.row_offsets[r]);
        owners.push_back(rank_of_row(num_rows, comm.size(), new_rows[r]));
    }
    // Entries travel in the order of the rows' destinations; lengths tell the receiver where rows begin.
    const Outbox<std::int64_t> names =
        group_by_destination(new_rows, std::span<const int>(owners), comm.size());
    const Outbox<std::int64_t> sizes = group_by_destination(std::span<const std::int64_t>(lengths),
                                                            std::span<const int>(owners), comm.size());
    std::vector<std::int64_t> entry_offsets(names.offsets.size(), 0);
    for (std::size_t d = 0; d + 1 < names.offsets.size(); ++d)
        entry_offsets[d + 1] = std::accumulate(sizes.items.begin() + names.offsets[d],
                                               sizes.items.begin() + names.offsets[d + 1], entry_offsets[d]);
    std::vector<std::int64_t> next(entry_offsets.begin(), entry_offsets.end() - 1);
    std::vector<std::int32_t> genes(matrix.gene_indices.size());
    std::vector<float> values(matrix.values.size());
    for (std::size_t r = 0; r < new_rows.size(); ++r) {
        std::int64_t& at = next[static_cast<std::size_t>(owners[r])];
        std::copy_n(matrix.gene_indices.begin() + matrix.row_offsets[r], lengths[r], genes.begin() + at);
        std::copy_n(matrix.values.begin() + matrix.row_offsets[r], lengths[r], values.begin() + at);
        at += lengths[r];
    }
    const auto rows = all_to_all_v<std::int64_t>(comm, names.items, names.offsets).items;
    const auto row_lengths = all_to_all_v<std::int64_t>(comm, sizes.items, sizes.offsets).items;
    const auto received_genes = all_to_all_v<std::int32_t>(comm, genes, entry_offsets).items;
    const auto received_values = all_to_all_v<float>(comm, values, entry_offsets).items;

    const BlockRange block = block_of_rank(num_rows, comm.size(), comm.rank());
    CountMatrix dealt;
    dealt.num_genes = matrix.num_genes;
    dealt.row_offsets.assign(static_cast<std::size_t>(block.size()) + 1, 0);
    for (std::size_t i = 0; i < rows.size(); ++i)
        dealt.row_offsets[static_cast<std::size_t>(rows[i] - block.begin) + 1] = row_lengths[i];
    std::inclusive_scan(dealt.row_offsets.begin(), dealt.row_offsets.end(), dealt.row_offsets.begin());
    dealt.gene_indices.resize(received_genes.size());
    dealt.values.resize(received_values.size());
    std::int64_t from = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::int64_t to = dealt.row_offsets[static_cast<std::size_t>(rows[i] - block.begin)];
        std::copy_n(received_genes.begin() + from, row_lengths[i], dealt.gene_indices.begin() + to);
        std::copy_n(received_values.begin() + from, row_lengths[i], dealt.values.begin() + to);
        from += row_lengths[i];
    }
    return dealt;
}

std::vector<std::int64_t> rows_ordered_by_key(const Communicator& comm, std::span<const std::int32_t> keys,
                                              std::int64_t num_keys, std::vector<std::int64_t>& key_offsets) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(num_keys), 0);
    for (const std::int32_t key : keys) ++counts[static_cast<std::size_t>(key)];
    std::vector<std::int64_t> totals = counts;
    all_reduce_sum(comm, std::span<std::int64_t>(totals));
    key_offsets.assign(static_cast<std::size_t>(num_keys) + 1, 0);
    std::inclusive_scan(totals.begin(), totals.end(), key_offsets.begin() + 1);

    std::vector<std::int64_t> before(counts.size(), 0);
    check_mpi(
        MPI_Exscan(counts.data(), before.data(), mpi_count(num_keys), MPI_INT64_T, MPI_SUM, comm.handle()),
        "MPI_Exscan");
    if (comm.is_root()) std::fill(before.begin(), before.end(), 0);
    std::vector<std::int64_t> new_rows;
    new_rows.reserve(keys.size());
    for (const std::int32_t key : keys)
        new_rows.push_back(key_offsets[static_cast<std::size_t>(key)] +
                           before[static_cast<std::size_t>(key)]++);
    return new_rows;
}

}  // namespace lapatlas
