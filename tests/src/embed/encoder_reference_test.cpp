// Encoder, decoder, losses and all their gradients against a dense float64 reference, on 1 to 4 ranks.
// GCC 12 finds "uninitialised" values inside its own AVX-512 headers (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <random>

#include "dist/collectives.hpp"
#include "src/decode/count_decoder.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/embed/spectral_encoder.hpp"
#include "src/graph/edge_perturbation.hpp"
#include "src/train/reduced_gradients.hpp"
#include "tests/src/embed/dense_reference.hpp"
#include "tests/support/graphs.hpp"

namespace lapatlas {

namespace {

using testing_support::Dense;
using testing_support::DenseReference;

constexpr std::int64_t kCells = 37, kGenes = 29, kEncodings = 3, kHidden = 12, kLatent = 4, kNeighbours = 3,
                       kLabels = 3;

/// The whole problem, known to every rank.
struct Problem {
    std::vector<std::int64_t> targets = testing_support::clustered_targets(kCells, kNeighbours, 1, 4);
    Dense counts = Dense::Zero(kCells, kGenes);
    Dense inputs = Dense::Zero(kCells, kGenes);
    Dense encodings = Dense::Zero(kCells, kEncodings);
    Dense xi = Dense::Zero(kCells, kLatent);
    Dense weights;  // symmetric edge weights
    std::vector<int> labels;

    Problem() {
        std::mt19937 random(5);
        std::poisson_distribution<int> count(0.7);
        std::normal_distribution<double> normal;
        for (Eigen::Index r = 0; r < kCells; ++r) {
            for (Eigen::Index g = 0; g < kGenes; ++g) counts(r, g) = count(random);
            labels.push_back(static_cast<int>(r % (kLabels + 1)) - 1);
            counts(r, r % kGenes) += 30;  // the branch for large counts
            for (Eigen::Index m = 0; m < kEncodings; ++m) encodings(r, m) = normal(random);
            for (Eigen::Index m = 0; m < kLatent; ++m) xi(r, m) = normal(random);
        }
        inputs = counts.unaryExpr([](double x) { return std::log1p(x); });
        weights = testing_support::dense_adjacency(targets, kCells, kNeighbours);
        for (Eigen::Index r = 0; r < kCells; ++r)
            for (Eigen::Index c = 0; c < r; ++c)
                if (weights(r, c) != 0)
                    weights(r, c) = weights(c, r) = 1 + 0.3 * std::sin(static_cast<double>(r * c + 1));
    }
    Dense laplacian() const {
        const Eigen::VectorXd s = weights.rowwise().sum().cwiseSqrt().cwiseInverse();
        return -(s.asDiagonal() * weights * s.asDiagonal());
    }
};

Dense matrix_of(const torch::Tensor& tensor) {
    const torch::Tensor wide =
        tensor.detach().to(torch::kFloat64).reshape({tensor.dim() > 1 ? tensor.size(0) : 1, -1}).contiguous();
    return Eigen::Map<Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(wide.data_ptr<double>(), wide.size(0),
                                                                      wide.size(1));
}

/// Parameters of both networks by the names of the reference.
DenseReference reference_of(SpectralEncoder& encoder, CountDecoder& decoder, std::int64_t order) {
    DenseReference reference;
    const auto& encoder_parameters = encoder->named_parameters();
    for (std::int64_t k = 0; k < order; ++k) {
        const Dense genes = matrix_of(encoder_parameters["gene_weight_" + std::to_string(k)]);
        const Dense encodings = matrix_of(encoder_parameters["encoding_weight"][k]);
        Dense both(genes.rows() + encodings.rows(), genes.cols());
        both << genes, encodings;
        reference.weights["first"].push_back(both);
        reference.weights["second_weight"].push_back(matrix_of(encoder_parameters["second_weight"][k]));
    }
    for (const char* name : {"first_bias", "second_bias", "mean.weight", "mean.bias", "log_variance.weight",
                             "log_variance.bias"})
        reference.weights[name] = {matrix_of(encoder_parameters[name])};
    for (const auto& parameter : decoder->named_parameters())
        reference.weights[parameter.key()] = {matrix_of(parameter.value())};
    return reference;
}

struct Case {
    std::int64_t order;
    bool negative_binomial;
    bool size_factor;
    std::int64_t labels;  ///< that have dispersions of their own
};

class AgainstDense : public testing::TestWithParam<Case> {};

}  // namespace

TEST_P(AgainstDense, LossesAndGradientsAgree) {
    const Case test = GetParam();
    const auto comm = Communicator::world();
    const Problem problem;
    SpectralEncoder encoder(SpectralEncoderOptions{kGenes, kEncodings, kHidden, kLatent, test.order});
    CountDecoder decoder(CountDecoderOptions{kLatent, kHidden, kGenes, test.negative_binomial,
                                             test.size_factor, 0, test.labels});
    if (decoder->dispersion_shift().defined()) decoder->dispersion_shift().set_requires_grad(true);
    initialise_parameters(*encoder, 3, 1);
    initialise_parameters(*decoder, 3, 2);
    {
        // Away from the symmetric start, so that every gradient is exercised.
        const torch::NoGradGuard no_grad;
        std::int64_t n = 0;
        for (auto& p : encoder->parameters())
            p.add_(0.05 * torch::sin(torch::arange(p.numel()) + (n++)).reshape(p.sizes()));
        for (auto& p : decoder->parameters())
            p.add_(0.05 * torch::sin(torch::arange(p.numel()) + (n++)).reshape(p.sizes()));
    }

    // This rank's rows under a map of five uneven clusters.
    std::vector<int> owners;
    for (int c = 0; c < 5; ++c) owners.push_back((c * 3) % comm.size());
    const IndexMap map({0, 3, 11, 12, 30, kCells}, owners, comm.size());
    const DistributedGraph whole =
        testing_support::block_graph(Communicator::self(), problem.targets, kCells, kNeighbours);
    std::vector<std::int64_t> offsets{0}, columns;
    CountMatrix counts;
    std::vector<float> library;
    std::vector<std::int32_t> labels;
    const std::vector<std::int64_t> rows = map.rows_of_rank(comm.rank());
    std::vector<std::vector<std::int32_t>> genes(rows.size());
    std::vector<std::vector<float>> values(rows.size());
    SparseInput x_of_rank;
    x_of_rank.num_rows = static_cast<std::int64_t>(rows.size());
    x_of_rank.num_genes = kGenes;
    x_of_rank.row_offsets.push_back(0);
    torch::Tensor encodings = torch::zeros({x_of_rank.num_rows, kEncodings}),
                  xi = torch::zeros({x_of_rank.num_rows, kLatent});
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto neighbours = whole.neighbours(rows[r]);
        columns.insert(columns.end(), neighbours.begin(), neighbours.end());
        offsets.push_back(static_cast<std::int64_t>(columns.size()));
        for (std::int64_t g = 0; g < kGenes; ++g) {
            if (problem.counts(rows[r], g) == 0) continue;
            genes[r].push_back(static_cast<std::int32_t>(g));
            values[r].push_back(static_cast<float>(problem.counts(rows[r], g)));
            x_of_rank.gene_indices.push_back(static_cast<std::int32_t>(g));
            x_of_rank.values.push_back(static_cast<float>(problem.inputs(rows[r], g)));
        }
        x_of_rank.row_offsets.push_back(static_cast<std::int64_t>(x_of_rank.values.size()));
        append_row(counts, {genes[r].data(), values[r].data(), static_cast<std::int64_t>(values[r].size())});
        library.push_back(static_cast<float>(problem.counts.row(rows[r]).sum()));
        labels.push_back(problem.labels[static_cast<std::size_t>(rows[r])]);
        for (std::int64_t m = 0; m < kEncodings; ++m)
            encodings[static_cast<std::int64_t>(r)][m] = problem.encodings(rows[r], m);
        for (std::int64_t m = 0; m < kLatent; ++m)
            xi[static_cast<std::int64_t>(r)][m] = problem.xi(rows[r], m);
    }
    order_by_gene(x_of_rank);
    const auto input = make_sparse_encoder_input(std::move(x_of_rank));
    const GraphShard shard = build_graph_shard(comm, map, offsets, columns);
    std::vector<float> edge_weights;
    for (std::int64_t r = 0; r < shard.num_owned; ++r)
        for (const std::int32_t c : shard.neighbours(r))
            edge_weights.push_back(static_cast<float>(
                problem.weights(shard.owned_ids[static_cast<std::size_t>(r)], shard.global_id(c))));
    const auto graph = make_graph_operator(comm, shard, laplacian_entries(comm, shard, edge_weights));

    // All parameters through the reducer, as the trainer does it.
    std::vector<torch::Tensor> parameters = decoder->parameters();
    for (const torch::Tensor& p : encoder->parameters()) parameters.push_back(p);
    const std::shared_ptr<const Backend> backend = make_cpu_backend(comm);
    ReducedGradients gradients(*backend, parameters, encoder->sparse_weights());
    const Posterior posterior = encoder->forward(input, encodings, graph, &gradients);
    const torch::Tensor kl =
        0.5 * (posterior.mean.square() + posterior.log_variance.exp() - 1 - posterior.log_variance).sum();
    const torch::Tensor z = posterior.mean + torch::exp(0.5 * posterior.log_variance) * xi;
    const torch::Tensor reconstruction = decoder->negative_log_likelihood(
        decoder->hidden(z), *make_host_cell_counts(counts, library), labels, 5);
    torch::Tensor loss_of_rank = reconstruction + 0.7 * kl;
    if (const torch::Tensor prior = decoder->dispersion_prior(); prior.defined())
        loss_of_rank = loss_of_rank + prior / comm.size();
    gradients.begin();
    loss_of_rank.backward();
    gradients.finish();

    DenseReference reference = reference_of(encoder, decoder, test.order);
    Dense x(kCells, kGenes + kEncodings);
    x << problem.inputs, problem.encodings;
    const auto evaluate = [&] {
        return reference(problem.laplacian(), x, problem.counts, problem.xi, problem.labels,
                         test.negative_binomial, test.size_factor);
    };
    const DenseReference::Result expected = evaluate();
    const double total_reconstruction = all_reduce_sum(comm, reconstruction.item<double>());
    const double total_kl = all_reduce_sum(comm, kl.item<double>());
    EXPECT_NEAR(total_reconstruction / expected.reconstruction, 1, 1e-5);
    EXPECT_NEAR(total_kl / expected.kl, 1, 1e-4);
    for (std::size_t r = 0; r < rows.size(); ++r)
        for (std::int64_t m = 0; m < kLatent; ++m)
            EXPECT_NEAR(posterior.mean[static_cast<std::int64_t>(r)][m].item<double>(),
                        expected.mean(rows[r], m), 1e-4);

    // Gradients: central differences of the float64 reference, for some entries of every parameter.
    const auto loss = [&] {
        const DenseReference::Result result = evaluate();
        return result.reconstruction + 0.7 * result.kl + result.prior;
    };
    const auto check = [&](const std::string& name, Dense& weight, const torch::Tensor& gradient,
                           Eigen::Index first_row) {
        const Dense found = matrix_of(gradient);
        const double scale = std::max(1.0, found.cwiseAbs().maxCoeff());
        for (int i = 0; i < 6; ++i) {
            const Eigen::Index r = (i * 7 + 1) % found.rows(), c = (i * 5 + 2) % found.cols();
            double& entry = weight(first_row + r, c);
            const double kept = entry, step = 1e-5;
            entry = kept + step;
            const double up = loss();
            entry = kept - step;
            const double down = loss();
            entry = kept;
            EXPECT_NEAR(found(r, c) / scale, (up - down) / (2 * step) / scale, 1e-4)
                << name << " " << r << "," << c;
        }
    };
    for (auto& parameter : encoder->named_parameters()) {
        const std::string& name = parameter.key();
        const torch::Tensor gradient = parameter.value().grad();
        if (name.starts_with("gene_weight_")) {
            check(name, reference.weights["first"][static_cast<std::size_t>(name.back() - '0')], gradient, 0);
        } else if (name == "encoding_weight") {
            for (std::int64_t k = 0; k < test.order; ++k)
                check(name, reference.weights["first"][static_cast<std::size_t>(k)], gradient[k], kGenes);
        } else if (name == "second_weight") {
            for (std::int64_t k = 0; k < test.order; ++k)
                check(name, reference.weights[name][static_cast<std::size_t>(k)], gradient[k], 0);
        } else {
            check(name, reference.weights.at(name)[0], gradient, 0);
        }
    }
    for (auto& parameter : decoder->named_parameters())
        check(parameter.key(), reference.weights.at(parameter.key())[0], parameter.value().grad(), 0);
}

INSTANTIATE_TEST_SUITE_P(Cases, AgainstDense,
                         testing::Values(Case{4, true, true, 0}, Case{3, true, false, 0},
                                         Case{2, false, true, 0}, Case{1, false, false, kLabels},
                                         Case{2, true, true, kLabels}));

}  // namespace lapatlas
