#include "src/embed/spectral_operator.hpp"

#include <cmath>

#include "dist/collectives.hpp"
#include "src/graph/laplacian.hpp"

namespace lapatlas {

namespace {

class HostSpectralOperator : public SpectralOperator {
  public:
    HostSpectralOperator(const Communicator& comm, const GraphShard& shard, const TrivialVectors& trivial)
        : adjacency_(comm, shard), trivial_(trivial) {}
    torch::Device device() const override { return torch::kCPU; }
    std::int64_t num_owned() const override { return adjacency_.num_owned(); }
    std::int64_t num_local() const override { return adjacency_.num_local(); }

    void apply(const torch::Tensor& in, const torch::Tensor& out) override {
        adjacency_.apply(in.data_ptr<double>(), out.data_ptr<double>(), in.size(1));
    }
    torch::Tensor trivial_products(const torch::Tensor& block) override {
        torch::Tensor sums = torch::zeros({trivial_.count, block.size(1)}, block.options());
        const std::int64_t width = block.size(1);
        for (std::int64_t r = 0; r < block.size(0); ++r) {
            const double value = trivial_.value[static_cast<std::size_t>(r)];
            double* sum = sums.data_ptr<double>() + trivial_.component[static_cast<std::size_t>(r)] * width;
            const double* row = block.const_data_ptr<double>() + r * width;
            for (std::int64_t j = 0; j < width; ++j) sum[j] += value * row[j];
        }
        return sums;
    }

  private:
    NormalisedAdjacency adjacency_;
    const TrivialVectors& trivial_;
};

}  // namespace

TrivialVectors trivial_vectors(const Communicator& comm, const GraphShard& shard,
                               const Components& components) {
    TrivialVectors trivial{components.count, components.of_row,
                           std::vector<double>(components.of_row.size(), 0)};
    std::vector<double> mass(static_cast<std::size_t>(components.count), 0);
    const auto degree = [&](std::size_t r) {
        return static_cast<double>(shard.neighbours(static_cast<std::int64_t>(r)).size());
    };
    for (std::size_t r = 0; r < trivial.value.size(); ++r)
        mass[static_cast<std::size_t>(trivial.component[r])] += degree(r);
    all_reduce_sum(comm, std::span<double>(mass));
    for (std::size_t r = 0; r < trivial.value.size(); ++r)
        if (const double total = mass[static_cast<std::size_t>(trivial.component[r])]; total > 0)
            trivial.value[r] = std::sqrt(degree(r) / total);
    return trivial;
}

std::unique_ptr<SpectralOperator> make_spectral_operator(const Communicator& comm, const GraphShard& shard,
                                                         const TrivialVectors& trivial) {
    return std::make_unique<HostSpectralOperator>(comm, shard, trivial);
}

}  // namespace lapatlas
