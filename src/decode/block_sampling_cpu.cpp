#include <ATen/ATen.h>

#include <algorithm>
#include <exception>
#include <span>

#include "src/decode/block_sampling.hpp"
#include "src/decode/count_sampling.hpp"

namespace lapatlas {

CountMatrix draw_block(const BlockDraws& draws) {
    constexpr std::int64_t kRowsATask = 16;
    struct Rows {
        std::vector<std::int64_t> ends;  // of each row, within the task
        std::vector<std::int32_t> genes;
        std::vector<float> counts;
    };
    const std::int64_t genes = draws.logits.size(1);
    const float* logits = draws.logits.const_data_ptr<float>();
    const auto width = static_cast<std::size_t>(genes);
    const float* theta = draws.dispersion.defined() ? draws.dispersion.const_data_ptr<float>() : nullptr;
    const std::int64_t num_tasks = (draws.cells + kRowsATask - 1) / kRowsATask;
    std::vector<Rows> tasks(static_cast<std::size_t>(num_tasks));
    // Exceptions must not leave a parallel region: each task keeps its own, and the first row's is thrown.
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(num_tasks));

    const auto draw_task = [&](std::int64_t task) {
        Rows& rows = tasks[static_cast<std::size_t>(task)];
        for (std::int64_t i = task * kRowsATask; i < std::min(draws.cells, (task + 1) * kRowsATask); ++i) {
            const std::span<const float> row(logits + i * genes, width);
            const std::int64_t of_theta =
                draws.dispersion_rows.empty() ? 0 : draws.dispersion_rows[static_cast<std::size_t>(i)];
            const std::span<const float> dispersions =
                theta != nullptr ? std::span(theta + of_theta * genes, width) : std::span<const float>();
            sample_counts_row(row, draws.log_offset(i, log_sum_exp(row)), dispersions,
                              {draws.seed, draws.first_cell + i}, rows.genes, rows.counts);
            rows.ends.push_back(static_cast<std::int64_t>(rows.genes.size()));
        }
    };
#pragma omp parallel for schedule(dynamic)
    for (std::int64_t task = 0; task < num_tasks; ++task) {
        try {
            draw_task(task);
        } catch (...) {
            failures[static_cast<std::size_t>(task)] = std::current_exception();
        }
    }
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);

    CountMatrix counts;
    counts.num_genes = genes;
    for (const Rows& rows : tasks) {
        const std::int64_t before = counts.num_nonzeros();
        for (const std::int64_t end : rows.ends) counts.row_offsets.push_back(before + end);
        counts.gene_indices.insert(counts.gene_indices.end(), rows.genes.begin(), rows.genes.end());
        counts.values.insert(counts.values.end(), rows.counts.begin(), rows.counts.end());
    }
    return counts;
}

}  // namespace lapatlas
