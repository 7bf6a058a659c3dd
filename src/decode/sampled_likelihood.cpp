#include "src/decode/sampled_likelihood.hpp"

#include <algorithm>
#include <vector>

#include "src/decode/count_likelihood.hpp"
#include "src/embed/sparse_kernels.hpp"

namespace lapatlas {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The layer's weights as the cells see them.
struct Layer {
    const float* weight;  // [genes, width]
    const float* bias;    // [genes]
    const float* theta;   // [genes]; none: Poisson
    std::int64_t genes, width;
};

float logit(const Layer& layer, const float* hidden, std::int32_t gene) {
    const float* weight = layer.weight + gene * layer.width;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < layer.width; ++i) sum += hidden[i] * weight[i];
    return sum + layer.bias[gene];
}

/// One cell's genes: those of the sample, then its own others with counts.
class CellGenes {
  public:
    /// `places` [genes]: of each gene in the sample, -1 for those it has not.
    CellGenes(const Layer& layer, const GeneSample& sample, std::span<const std::int32_t> places)
        : layer_(layer), sample_(sample), places_(places), num_sampled_(sample.genes.size()) {
        if (layer.theta != nullptr)
            for (const std::int32_t gene : sample.genes) theta_.push_back(layer.theta[gene]);
    }

    /// Loss of a cell; `sampled` [sample's genes]: logits become gradients. What follows is of this cell.
    double add(const SparseCounts& cell, const float* hidden, float library, bool size_factor,
               float* sampled) {
        gather(cell, hidden, sampled);
        const CellModel model{static_cast<std::int64_t>(logits_.size()),
                              layer_.theta != nullptr ? theta_.data() : nullptr, weight_.data(), size_factor};
        work_.resize(logits_.size());
        by_dispersion_.assign(logits_.size(), 0.0f);
        const double loss =
            cell_loss_and_gradient(model, {cell_places_.data(), cell.values, cell.size}, library, 1.0f,
                                   logits_.data(), work_.data(), by_dispersion_.data());
        std::copy_n(logits_.data(), num_sampled_, sampled);
        return loss;
    }
    std::span<const std::int32_t> other_genes() const { return others_; }
    std::span<const float> other_gradients() const { return std::span(logits_).subspan(num_sampled_); }
    /// visit(gene, d/d log theta) for all genes of the cell.
    template <class Visit>
    void for_each_dispersion(const Visit& visit) const {
        for (std::size_t i = 0; i < num_sampled_; ++i) visit(sample_.genes[i], by_dispersion_[i]);
        for (std::size_t i = 0; i < others_.size(); ++i) visit(others_[i], by_dispersion_[num_sampled_ + i]);
    }

  private:
    void gather(const SparseCounts& cell, const float* hidden, const float* sampled) {
        logits_.assign(sampled, sampled + num_sampled_);
        weight_.assign(sample_.weights.begin(), sample_.weights.end());
        theta_.resize(layer_.theta != nullptr ? num_sampled_ : 0);
        others_.clear();
        cell_places_.clear();
        for (std::int64_t e = 0; e < cell.size; ++e) {
            const std::int32_t gene = cell.genes[e];
            std::int32_t place = places_[static_cast<std::size_t>(gene)];
            if (place < 0) {
                place = static_cast<std::int32_t>(logits_.size());
                others_.push_back(gene);
                logits_.push_back(logit(layer_, hidden, gene));
                weight_.push_back(1);
                if (layer_.theta != nullptr) theta_.push_back(layer_.theta[gene]);
            }
            // It stands for itself: whatever the sample, it is here.
            weight_[static_cast<std::size_t>(place)] = 1;
            cell_places_.push_back(place);
        }
    }

    const Layer& layer_;
    const GeneSample& sample_;
    std::span<const std::int32_t> places_;
    std::size_t num_sampled_;
    std::vector<std::int32_t> others_, cell_places_;
    std::vector<float> logits_, weight_, theta_, work_, by_dispersion_;
};

/// What a group of cells leaves.
struct Group {
    double loss = 0;
    std::vector<std::int64_t> row_sizes;  // of `genes`, a cell each
    std::vector<std::int32_t> genes;      // beyond the sample
    std::vector<float> gradients;         // of those logits
    std::vector<float> by_dispersion;     // [genes]
};

class SampledLikelihood : public torch::autograd::Function<SampledLikelihood> {
  public:
    static torch::Tensor forward(AutogradContext* context, const torch::Tensor& hidden,
                                 const torch::Tensor& weight, const torch::Tensor& bias,
                                 const torch::Tensor& log_dispersion, const torch::Tensor& theta,
                                 const CellCounts& cells, const GeneSample& sample, bool size_factor,
                                 std::int64_t chunk) {
        const torch::NoGradGuard no_grad;
        const torch::Tensor h = hidden.contiguous(), w = weight.contiguous(), b = bias.contiguous(),
                            th = theta.contiguous();
        const Layer layer{w.data_ptr<float>(), b.data_ptr<float>(),
                          th.numel() > 0 ? th.data_ptr<float>() : nullptr, w.size(0), w.size(1)};
        const CellCounts::OnHost on_host = cells.on_host();
        const auto num_sampled = static_cast<std::int64_t>(sample.genes.size());
        std::vector<std::int32_t> places(static_cast<std::size_t>(layer.genes), -1);
        for (std::int64_t i = 0; i < num_sampled; ++i)
            places[static_cast<std::size_t>(sample.genes[static_cast<std::size_t>(i)])] =
                static_cast<std::int32_t>(i);
        const torch::Tensor chosen = torch::tensor(sample.genes, torch::kInt32).to(torch::kInt64);
        const torch::Tensor w_sampled = w.index_select(0, chosen), b_sampled = b.index_select(0, chosen);

        torch::Tensor dhidden = torch::empty_like(h), dw_sampled = torch::zeros_like(w_sampled),
                      db_sampled = torch::zeros_like(b_sampled);
        SparseInput others;  // gradients of logits beyond the sample
        others.num_rows = h.size(0);
        others.num_genes = layer.genes;
        others.row_offsets.push_back(0);
        std::vector<double> by_dispersion(layer.theta != nullptr ? static_cast<std::size_t>(layer.genes) : 0,
                                          0);
        double loss = 0;
        for (std::int64_t first = 0; first < h.size(0); first += chunk) {
            const std::int64_t count = std::min(chunk, h.size(0) - first);
            const torch::Tensor part = h.narrow(0, first, count);
            torch::Tensor block = torch::addmm(b_sampled, part, w_sampled.t());
            float* const logits = block.data_ptr<float>();
            std::vector<Group> groups(kLikelihoodGroups);
#pragma omp parallel for schedule(static, 1)
            for (std::int64_t k = 0; k < kLikelihoodGroups; ++k) {
                Group& group = groups[static_cast<std::size_t>(k)];
                group.by_dispersion.assign(by_dispersion.size(), 0.0f);
                CellGenes genes(layer, sample, places);
                for (std::int64_t c = k * count / kLikelihoodGroups; c < (k + 1) * count / kLikelihoodGroups;
                     ++c) {
                    const auto cell = static_cast<std::size_t>(first + c);
                    group.loss += genes.add(on_host.counts[cell], part.data_ptr<float>() + c * layer.width,
                                            size_factor ? on_host.library[cell] : 1.0f, size_factor,
                                            logits + c * num_sampled);
                    const auto of_cell = genes.other_genes();
                    group.row_sizes.push_back(static_cast<std::int64_t>(of_cell.size()));
                    group.genes.insert(group.genes.end(), of_cell.begin(), of_cell.end());
                    const auto gradients = genes.other_gradients();
                    group.gradients.insert(group.gradients.end(), gradients.begin(), gradients.end());
                    if (layer.theta != nullptr)
                        genes.for_each_dispersion([&](std::int32_t gene, float gradient) {
                            group.by_dispersion[static_cast<std::size_t>(gene)] += gradient;
                        });
                }
            }
            for (const Group& group : groups) {
                loss += group.loss;
                for (const std::int64_t size : group.row_sizes)
                    others.row_offsets.push_back(others.row_offsets.back() + size);
                others.gene_indices.insert(others.gene_indices.end(), group.genes.begin(), group.genes.end());
                others.values.insert(others.values.end(), group.gradients.begin(), group.gradients.end());
                for (std::size_t g = 0; g < by_dispersion.size(); ++g)
                    by_dispersion[g] += group.by_dispersion[g];
            }
            torch::Tensor of_part = dhidden.narrow(0, first, count);
            torch::mm_out(of_part, block, w_sampled);
            dw_sampled.addmm_(block.t(), part);
            db_sampled.add_(block.sum(0));
        }
        // The logits beyond the sample, of all chunks at once.
        torch::Tensor through_others = torch::empty_like(h), dweight = torch::empty_like(w),
                      dbias = torch::zeros_like(b);
        sparse_times_dense(others, layer.weight, layer.width, through_others.data_ptr<float>());
        dhidden.add_(through_others);
        order_by_gene(others);
        transposed_sparse_times_dense(others, h.data_ptr<float>(), layer.width, dweight.data_ptr<float>());
        for (std::size_t e = 0; e < others.values.size(); ++e)
            dbias.data_ptr<float>()[others.gene_indices[e]] += others.values[e];
        dweight.index_add_(0, chosen, dw_sampled);
        dbias.index_add_(0, chosen, db_sampled);
        torch::Tensor ddispersion = torch::zeros({0});
        if (layer.theta != nullptr)
            ddispersion =
                torch::tensor(by_dispersion, torch::kFloat64).to(torch::kFloat32).view_as(log_dispersion);
        context->save_for_backward({dhidden, dweight, dbias, ddispersion});
        return torch::tensor(loss, torch::kFloat64);
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        variable_list saved = context->get_saved_variables();
        for (torch::Tensor& gradient : saved) gradient = gradient * gradients[0].to(gradient.scalar_type());
        saved.resize(9);  // theta and the options of forward have none
        return saved;
    }
};

}  // namespace

torch::Tensor sampled_likelihood(const torch::Tensor& hidden, const torch::Tensor& weight,
                                 const torch::Tensor& bias, const torch::Tensor& log_dispersion,
                                 const torch::Tensor& theta, const CellCounts& cells,
                                 const GeneSample& sample, bool size_factor, std::int64_t chunk) {
    const torch::Tensor given = theta.defined() ? theta : torch::zeros({0}, hidden.options());
    return SampledLikelihood::apply(hidden, weight, bias, log_dispersion, given, cells, sample, size_factor,
                                    chunk);
}

}  // namespace lapatlas
