#include "tests/bench/scaling/step_program.hpp"

#include <numeric>

namespace lapatlas::bench {

namespace {

/// Bytes a second that passes over memory without arithmetic move, and what they are for: rough, since every
/// cost is scaled to a measured step in the end.
constexpr double kMemory = 8e9;
constexpr double kMaskEntry = 15e-9, kEdgeDraw = 40e-9, kEdgePass = 4e-9;

class Program {
  public:
    Program(const StepSizes& sizes, const MachineSpeed& speed) : sizes_(sizes), speed_(speed) {}

    std::vector<Operation> build() {
        compute({.a_nonzero = kMaskEntry});
        if (sizes_.perturb) perturbation();
        halo(sizeof(double), 1, {}, kEdgePass);  // laplacian_entries
        convolution([&](std::int64_t) { return first_layer(); });
        convolution([&](std::int64_t) { return second_layer(); });
        compute(heads_and_loss());
        const auto all = static_cast<std::int64_t>(sizes_.gradients.size());
        const std::int64_t encoder = all - sizes_.encoder_gradients, sparse = all - sizes_.order;
        ready(0, encoder);
        adjoint([&](std::int64_t) { return second_layer().times(2); }, [](std::int64_t) {});
        ready(encoder, sparse);
        adjoint([&](std::int64_t) { return first_layer(); },
                [&](std::int64_t k) { ready(sparse + k, sparse + k + 1); });
        program_.push_back({.kind = Operation::Kind::kFinish});
        all_reduce(7);
        const double weights = static_cast<double>(
            std::accumulate(sizes_.gradients.begin(), sizes_.gradients.end(), std::int64_t{0}));
        compute({.fixed = 36 * weights / kMemory});
        return std::move(program_);
    }

  private:
    void compute(const Cost& work) { program_.push_back({.kind = Operation::Kind::kCompute, .work = work}); }
    void all_reduce(std::int64_t width) {
        program_.push_back({.kind = Operation::Kind::kAllReduce, .width = width});
    }
    void ready(std::int64_t first, std::int64_t last) {
        program_.push_back({.kind = Operation::Kind::kReady, .first = first, .last = last});
    }
    void halo(std::int64_t bytes, std::int64_t width, const Cost& meanwhile, double an_edge) {
        Operation operation{.kind = Operation::Kind::kHalo, .width = width, .bytes = bytes};
        operation.meanwhile = meanwhile;
        operation.meanwhile.a_sent_row = 2.0 * static_cast<double>(width * bytes) / kMemory;  // packing
        operation.work.an_interior_edge = an_edge;
        operation.after.a_boundary_edge = an_edge;
        program_.push_back(operation);
    }
    static Cost each_edge(double seconds) {
        return {.an_interior_edge = seconds, .a_boundary_edge = seconds};
    }

    void perturbation() {
        compute(each_edge(kEdgeDraw));
        all_reduce(1);
        halo(sizeof(double), 1, {}, 0);
        for (std::int64_t i = 0; i < sizes_.power_iterations; ++i) {
            compute(each_edge(kEdgePass));
            all_reduce(1);
            halo(sizeof(double), 1, {}, 0);
            compute(each_edge(4 * kEdgePass));
            for (int round = 0; round < 3; ++round) all_reduce(2);
        }
        all_reduce(1);
        all_reduce(1);
    }

    double h() const { return static_cast<double>(sizes_.hidden); }
    /// X W_k: sparse counts and dense encodings by weights; as much for the gradient of W_k.
    Cost first_layer() const {
        return {.a_row = 2 * static_cast<double>(sizes_.encodings) * h() / speed_.dense,
                .a_nonzero = h() / speed_.sparse};
    }
    /// H W_k.
    Cost second_layer() const { return {.a_row = 2 * h() * h() / speed_.dense}; }
    double product_edge() const { return h() / speed_.graph; }
    /// ReLU, bias, sums of Clenshaw.
    Cost elementwise() const { return {.a_row = 24 * h() / kMemory}; }

    Cost heads_and_loss() const {
        const auto d = static_cast<double>(sizes_.latent), genes = static_cast<double>(sizes_.genes);
        const double decoder = (d + h()) * h() + h() * genes + sizes_.score_weights;
        return {.a_row = 12 * h() * d / speed_.dense,
                .a_loss_row = 6 * decoder / speed_.dense + genes / speed_.likelihood};
    }

    /// Clenshaw: order terms, order - 1 products; term k is made while the halo travels.
    template <class Term>
    void convolution(const Term& term) {
        compute(term(sizes_.order - 1));
        for (std::int64_t k = sizes_.order - 2; k >= 0; --k)
            halo(sizeof(float), sizes_.hidden, term(k), product_edge());
        compute(elementwise());
    }
    template <class Term, class Done>
    void adjoint(const Term& term, const Done& done) {
        compute(elementwise());
        for (std::int64_t k = 0; k + 1 < sizes_.order; ++k) {
            // The gradient is marked ready within `meanwhile`: the halo is posted before it and waited for
            // after.
            halo(sizeof(float), sizes_.hidden, term(k), product_edge());
            done(k);
        }
        compute(term(sizes_.order - 1));
        done(sizes_.order - 1);
    }

    const StepSizes& sizes_;
    const MachineSpeed& speed_;
    std::vector<Operation> program_;
};

}  // namespace

std::vector<Operation> joint_step_program(const StepSizes& sizes, const MachineSpeed& speed) {
    return Program(sizes, speed).build();
}

}  // namespace lapatlas::bench
