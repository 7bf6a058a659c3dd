#include "src/decode/block_sampling_cuda.hpp"

#include <algorithm>
#include <string>

#include "dist/error.hpp"
#include "src/decode/count_sampling_cuda.hpp"
#include "src/embed/tensor_of.hpp"

namespace lapatlas {

namespace {

template <class T>
std::vector<T> copied(const torch::Tensor& tensor) {
    const torch::Tensor on_host = tensor.cpu();
    return {on_host.const_data_ptr<T>(), on_host.const_data_ptr<T>() + on_host.numel()};
}

}  // namespace

CountMatrix draw_block_on_gpu(const BlockDraws& draws, CUstream_st* stream) {
    const torch::Tensor& logits = draws.logits;
    const torch::Device device = logits.device();
    const std::int64_t genes = logits.size(1), cells = draws.cells;
    float* values = logits.data_ptr<float>();

    const torch::Tensor totals = torch::empty({cells}, logits.options().dtype(torch::kFloat64));
    cuda::log_sum_exps(values, cells, genes, totals.data_ptr<double>(), stream);
    std::vector<float> offsets;
    for (const double total : copied<double>(totals))
        offsets.push_back(draws.log_offset(std::ssize(offsets), total));

    const torch::Tensor log_offsets = tensor_of(offsets, device);
    const torch::Tensor of_theta =
        draws.dispersion_rows.empty() ? torch::Tensor() : tensor_of(draws.dispersion_rows, device);
    const torch::Tensor row_sizes = torch::empty({cells}, logits.options().dtype(torch::kInt32));
    const torch::Tensor row_offsets = torch::empty({cells + 1}, logits.options().dtype(torch::kInt64));
    static_assert(sizeof(unsigned long long) == sizeof(std::int64_t));
    const torch::Tensor first_bad = torch::full({}, std::int64_t{-1}, row_offsets.options());
    static_assert(cuda::kNoBadRate == ~0ull, "all bits set, as -1");
    const cuda::CountDraws kernel{
        .cells = cells,
        .genes = genes,
        .seed = draws.seed,
        .first_cell = draws.first_cell,
        .dispersion = draws.dispersion.defined() ? draws.dispersion.const_data_ptr<float>() : nullptr,
        .dispersion_rows = of_theta.defined() ? of_theta.const_data_ptr<std::int32_t>() : nullptr};
    cuda::draw_counts(kernel, log_offsets.const_data_ptr<float>(), values, row_sizes.data_ptr<std::int32_t>(),
                      reinterpret_cast<unsigned long long*>(first_bad.data_ptr<std::int64_t>()), stream);
    cuda::offsets_of_rows(row_sizes.const_data_ptr<std::int32_t>(), cells,
                          row_offsets.data_ptr<std::int64_t>(), stream);
    if (const auto bad = first_bad.item<std::int64_t>(); bad != -1)
        throw InternalError("cell " + std::to_string(draws.first_cell + bad / genes) + ", gene " +
                            std::to_string(bad % genes) +
                            ": its log rate or dispersion is not one: the model has diverged");

    CountMatrix counts;
    counts.num_genes = genes;
    counts.row_offsets = copied<std::int64_t>(row_offsets);
    const torch::Tensor gene_indices =
        torch::empty({counts.num_nonzeros()}, logits.options().dtype(torch::kInt32));
    const torch::Tensor drawn = torch::empty({counts.num_nonzeros()}, logits.options());
    cuda::compact_rows(values, cells, genes, row_offsets.const_data_ptr<std::int64_t>(),
                       gene_indices.data_ptr<std::int32_t>(), drawn.data_ptr<float>(), stream);
    counts.gene_indices = copied<std::int32_t>(gene_indices);
    counts.values = copied<float>(drawn);
    return counts;
}

}  // namespace lapatlas
