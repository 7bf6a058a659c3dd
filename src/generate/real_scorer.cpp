#include "src/generate/real_scorer.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dist/error.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kWidth = 256, kNarrow = 64;

}  // namespace

void RealScorerImpl::reset() {
    first_ = register_module("first", torch::nn::Linear(genes_, kWidth));
    second_ = register_module("second", torch::nn::Linear(kWidth, kNarrow));
    last_ = register_module("last", torch::nn::Linear(kNarrow, 2));
}

torch::Tensor RealScorerImpl::forward(const torch::Tensor& x) {
    return last_->forward(torch::relu(second_->forward(torch::relu(first_->forward(x)))));
}

torch::Tensor RealScorerImpl::input(const CountMatrix& counts, std::span<const std::int64_t> rows) const {
    torch::Tensor dense = torch::zeros({std::ssize(rows), genes_});
    auto* values = dense.data_ptr<float>();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const SparseCounts cell = row_of(counts, rows[i]);
        const double total = std::accumulate(cell.values, cell.values + cell.size, 0.0);
        for (std::int64_t e = 0; e < cell.size; ++e)
            values[static_cast<std::int64_t>(i) * genes_ + cell.genes[e]] =
                static_cast<float>(std::log1p(cell.values[e] * target_sum_ / total));
    }
    return dense;
}

std::vector<float> real_scores(RealScorer scorer, const CountMatrix& counts, const torch::Device& device) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(counts.num_rows()));
    std::iota(rows.begin(), rows.end(), 0);
    const torch::Tensor logits = scorer->forward(scorer->input(counts, rows).to(device));
    const torch::Tensor chance = torch::softmax(logits, 1).select(1, 1).cpu().contiguous();
    return {chance.const_data_ptr<float>(), chance.const_data_ptr<float>() + chance.numel()};
}

std::vector<std::uint8_t> best_of_labels(std::span<const std::int32_t> labels, std::span<const float> scores,
                                         std::span<const std::int64_t> wanted) {
    std::vector<std::vector<std::int64_t>> of_label(wanted.size());
    for (std::size_t i = 0; i < labels.size(); ++i)
        of_label[labels[i] < 0 ? wanted.size() - 1 : static_cast<std::size_t>(labels[i])].push_back(
            static_cast<std::int64_t>(i));
    std::vector<std::uint8_t> stays(labels.size(), 0);
    for (std::size_t label = 0; label < wanted.size(); ++label) {
        auto& cells = of_label[label];
        ensure(wanted[label] <= std::ssize(cells), "there are as many candidates as cells that are wanted");
        std::stable_sort(cells.begin(), cells.end(), [&](std::int64_t a, std::int64_t b) {
            return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
        });
        for (std::int64_t i = 0; i < wanted[label]; ++i)
            stays[static_cast<std::size_t>(cells[static_cast<std::size_t>(i)])] = 1;
    }
    return stays;
}

std::vector<std::int64_t> deal_to_labels(std::span<const std::int64_t> candidates, std::int64_t total) {
    const std::int64_t all = std::accumulate(candidates.begin(), candidates.end(), std::int64_t{0});
    ensure(total <= all, "there are enough candidates");
    std::vector<std::int64_t> dealt;
    std::vector<std::pair<std::int64_t, std::size_t>> remainders;  // -remainder, label
    for (std::size_t label = 0; label < candidates.size(); ++label) {
        dealt.push_back(candidates[label] * total / std::max<std::int64_t>(1, all));
        remainders.emplace_back(-(candidates[label] * total % std::max<std::int64_t>(1, all)), label);
    }
    std::sort(remainders.begin(), remainders.end());
    std::int64_t left = total - std::accumulate(dealt.begin(), dealt.end(), std::int64_t{0});
    for (std::size_t i = 0; left > 0; ++i, --left) ++dealt[remainders[i].second];
    return dealt;
}

}  // namespace lapatlas
