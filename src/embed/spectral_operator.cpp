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
    /// Filters run in float32 on D^-1/2 v, padded to whole lanes.
    torch::Tensor filter_block(const torch::Tensor& block) override {
        const std::int64_t width = block.size(1), padded = padded_width(width);
        torch::Tensor made = torch::zeros({block.size(0), padded}, torch::kFloat32);
        for (std::int64_t r = 0; r < num_owned(); ++r) {
            const double root = adjacency_.inverse_roots()[static_cast<std::size_t>(r)];
            const double* from = block.const_data_ptr<double>() + r * width;
            float* to = made.data_ptr<float>() + r * padded;
            for (std::int64_t j = 0; j < width; ++j) to[j] = static_cast<float>(root * from[j]);
        }
        return made;
    }
    void read_filter_block(const torch::Tensor& filtered, const torch::Tensor& block) override {
        const std::int64_t width = block.size(1), padded = filtered.size(1);
        for (std::int64_t r = 0; r < num_owned(); ++r) {
            const double root = adjacency_.inverse_roots()[static_cast<std::size_t>(r)];
            const float* from = filtered.const_data_ptr<float>() + r * padded;
            double* to = block.data_ptr<double>() + r * width;
            // A row without neighbours is a component of its own: no other vector lives there.
            for (std::int64_t j = 0; j < width; ++j) to[j] = root > 0 ? from[j] / root : 0;
        }
    }
    void filter_step(const torch::Tensor& in, double a, double b, double c,
                     const torch::Tensor& out) override {
        adjacency_.recur(in.data_ptr<float>(), static_cast<float>(a), static_cast<float>(b),
                         static_cast<float>(c), out.data_ptr<float>(), in.size(1));
    }
    torch::Tensor trivial_products(const torch::Tensor& block) override {
        return trivial_products_on_host(trivial_, block);
    }

  private:
    static std::int64_t padded_width(std::int64_t width) {
        constexpr std::int64_t kLanes = NormalisedAdjacency::kRecurrenceLanes;
        return (width + kLanes - 1) / kLanes * kLanes;
    }

    NormalisedAdjacency adjacency_;
    const TrivialVectors& trivial_;
};

}  // namespace

TrivialVectors trivial_vectors(const Communicator& comm, const Components& components,
                               std::span<const double> degrees) {
    TrivialVectors trivial{components.count, components.of_row,
                           std::vector<double>(components.of_row.size(), 0)};
    std::vector<double> mass(static_cast<std::size_t>(components.count), 0);
    for (std::size_t r = 0; r < trivial.value.size(); ++r)
        mass[static_cast<std::size_t>(trivial.component[r])] += degrees[r];
    all_reduce_sum(comm, std::span<double>(mass));
    for (std::size_t r = 0; r < trivial.value.size(); ++r)
        if (const double total = mass[static_cast<std::size_t>(trivial.component[r])]; total > 0)
            trivial.value[r] = std::sqrt(degrees[r] / total);
    return trivial;
}

TrivialVectors trivial_vectors(const Communicator& comm, const GraphShard& shard,
                               const Components& components) {
    std::vector<double> degrees;
    for (std::size_t r = 0; r < components.of_row.size(); ++r)
        degrees.push_back(static_cast<double>(shard.neighbours(static_cast<std::int64_t>(r)).size()));
    return trivial_vectors(comm, components, degrees);
}

torch::Tensor trivial_products_on_host(const TrivialVectors& trivial, const torch::Tensor& block) {
    const std::int64_t width = block.size(1);
    torch::Tensor sums = torch::zeros({trivial.count, width}, block.options());
    for (std::int64_t r = 0; r < block.size(0); ++r) {
        const double value = trivial.value[static_cast<std::size_t>(r)];
        double* sum = sums.data_ptr<double>() + trivial.component[static_cast<std::size_t>(r)] * width;
        const double* row = block.const_data_ptr<double>() + r * width;
        for (std::int64_t j = 0; j < width; ++j) sum[j] += value * row[j];
    }
    return sums;
}

void SpectralOperator::filter_step(const torch::Tensor& in, double a, double b, double c,
                                   const torch::Tensor& out) {
    const torch::Tensor product = torch::empty({num_owned(), in.size(1)}, in.options());
    apply(in, product);
    const auto owned = [&](const torch::Tensor& block) { return block.narrow(0, 0, num_owned()); };
    owned(out).mul_(c).add_(product, a).add_(owned(in), b);
}

std::unique_ptr<SpectralOperator> make_spectral_operator(const Communicator& comm, const GraphShard& shard,
                                                         const TrivialVectors& trivial) {
    return std::make_unique<HostSpectralOperator>(comm, shard, trivial);
}

}  // namespace lapatlas
