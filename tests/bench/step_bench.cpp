// One training step on a prepared dataset: seconds, peak memory, and a dense check of its losses.
#include <sys/resource.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/memory_use.hpp"
#include "dist/timer.hpp"
#include "launch/threads.hpp"
#include "src/backend/random_tensors.hpp"
#include "src/config/config.hpp"
#include "src/train/trainer.hpp"
#include "tests/bench/bench_options.hpp"
#include "tests/bench/benches.hpp"

namespace lapatlas::bench {

namespace {

double peak_memory_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Cells a piece of the dense check: the whole [cells, genes] would need gigabytes.
constexpr std::int64_t kCheckRows = 256;

torch::Tensor dense_rows(const SparseInput& x, std::int64_t first, std::int64_t count) {
    torch::Tensor dense = torch::zeros({count, x.num_genes});
    for (std::int64_t r = 0; r < count; ++r)
        for (auto e = static_cast<std::size_t>(x.row_offsets[static_cast<std::size_t>(first + r)]);
             e < static_cast<std::size_t>(x.row_offsets[static_cast<std::size_t>(first + r) + 1]); ++e)
            dense.data_ptr<float>()[r * x.num_genes + x.gene_indices[e]] = x.values[e];
    return dense;
}

/// sum_k T_k(L^) (X W_k) by the plain recurrence on X W_k, L^ as a sparse tensor of torch.
torch::Tensor plain_convolution(const torch::Tensor& laplacian, const std::vector<torch::Tensor>& xw) {
    torch::Tensor out = xw[0].clone();
    for (std::size_t k = 1; k < xw.size(); ++k) {
        torch::Tensor before = xw[k], now = torch::mm(laplacian, xw[k]);
        for (std::size_t i = 2; i <= k; ++i) {
            const torch::Tensor next = 2 * torch::mm(laplacian, now) - before;
            before = now;
            now = next;
        }
        out += now;
    }
    return out;
}

/// The losses of the whole training graph without mask, dropout and perturbation, by torch's own operations
/// on dense tensors; one rank only.
LossTerms dense_losses(Model& model, const RankData& data, std::uint64_t seed) {
    const torch::NoGradGuard no_grad;
    const std::int64_t rows = data.num_train_rows;
    std::vector<std::int32_t> all(static_cast<std::size_t>(rows));
    std::iota(all.begin(), all.end(), 0);
    const SparseInput x = masked_input(LogCounts(data.counts, data.input_target_sum, data.encoder_genes), all,
                                       data.train_graph.owned_ids, {});
    std::vector<std::int64_t> from, to;
    std::vector<float> entries;
    for (std::int64_t r = 0; r < rows; ++r)
        for (const std::int32_t c : data.train_graph.neighbours(r)) {
            from.push_back(r);
            to.push_back(c);
            const auto degrees = static_cast<double>(data.train_graph.neighbours(r).size()) *
                                 static_cast<double>(data.train_graph.neighbours(c).size());
            entries.push_back(static_cast<float>(-1 / std::sqrt(degrees)));
        }
    const torch::Tensor laplacian =
        torch::sparse_coo_tensor(torch::stack({torch::tensor(from), torch::tensor(to)}),
                                 torch::tensor(entries), {rows, rows})
            .coalesce();

    const auto named = model.encoder->named_parameters();
    const std::vector<torch::Tensor>& weights = model.encoder->sparse_weights();
    const torch::Tensor encodings = data.encodings.narrow(0, 0, rows);
    std::vector<torch::Tensor> xw;
    for (std::size_t k = 0; k < weights.size(); ++k) {
        std::vector<torch::Tensor> pieces;
        for (std::int64_t first = 0; first < rows; first += kCheckRows)
            pieces.push_back(torch::mm(dense_rows(x, first, std::min(kCheckRows, rows - first)), weights[k]));
        xw.push_back(torch::cat(pieces) +
                     torch::mm(encodings, named["encoding_weight"][static_cast<long>(k)]));
    }
    const torch::Tensor first = torch::relu(plain_convolution(laplacian, xw) + named["first_bias"]);
    std::vector<torch::Tensor> hw;
    for (std::size_t k = 0; k < weights.size(); ++k)
        hw.push_back(torch::mm(first, named["second_weight"][static_cast<long>(k)]));
    const torch::Tensor second = torch::relu(plain_convolution(laplacian, hw) + named["second_bias"]);
    const torch::Tensor mean = torch::addmm(named["mean.bias"], second, named["mean.weight"].t());
    const torch::Tensor log_variance =
        torch::addmm(named["log_variance.bias"], second, named["log_variance.weight"].t()).clamp(-12, 6);
    const CellDraws draws{seed, 0, tensor_of(data.train_graph.owned_ids, torch::kCPU)};
    const torch::Tensor z = sample_normal(*make_cpu_backend(Communicator::self()), mean,
                                          torch::exp(0.5 * log_variance), draws, RandomStream::kLatentNoise);
    LossTerms terms;
    terms.kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum().item<double>();
    const std::vector<float> theta_values = model.decoder->dispersions();
    // The labels' own dispersions have no part in a step.
    const torch::Tensor theta = torch::tensor(theta_values).narrow(0, 0, data.counts.num_genes());
    SparseInput raw;  // the counts of all genes; the encoder may see fewer
    raw.num_rows = rows;
    CountMatrix unpacked = data.counts.rows(0, rows);
    raw.num_genes = unpacked.num_genes;
    raw.row_offsets = std::move(unpacked.row_offsets);
    raw.gene_indices = std::move(unpacked.gene_indices);
    raw.values = std::move(unpacked.values);
    for (std::int64_t at = 0; at < rows; at += kCheckRows) {
        const std::int64_t count = std::min(kCheckRows, rows - at);
        const torch::Tensor counts = dense_rows(raw, at, count);
        const torch::Tensor library =
            torch::from_blob(const_cast<float*>(data.library.data()) + at, {count, 1}, torch::kFloat32);
        const torch::Tensor mu = torch::softmax(model.decoder->logits(z.narrow(0, at, count)), 1) * library;
        const torch::Tensor log_likelihood = torch::lgamma(counts + theta) - torch::lgamma(theta) -
                                             torch::lgamma(counts + 1) - theta * torch::log1p(mu / theta) -
                                             counts * torch::log1p(theta / mu);
        terms.reconstruction -= log_likelihood.to(torch::kFloat64).sum().item<double>();
    }
    terms.kl /= static_cast<double>(rows);
    terms.reconstruction /= static_cast<double>(rows);
    return terms;
}

/// Collective. Whether the fused, distributed losses are those of the dense check. The check itself needs the
/// whole graph, so it is made where one rank holds it.
bool is_right(const Communicator& comm, Config config, const std::filesystem::path& prepared) {
    if (comm.size() > 1) return true;
    config.train.mask_fraction = 0;
    config.train.perturb = false;
    config.train.lpe_sign_flip = false;
    config.model.dropout = 0;
    config.model.centre_input = false;
    Trainer trainer(make_cpu_backend(comm), config, prepared);
    const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
    JointLoss loss(trainer.placed(), config.model, config.train, seed);
    const std::vector<std::uint8_t> active(static_cast<std::size_t>(trainer.data().map.num_clusters()), 1);
    const JointLoss::Result ours = [&] {
        const torch::NoGradGuard no_grad;
        return loss(trainer.model(), active, 0, nullptr);
    }();
    const LossTerms dense = dense_losses(trainer.model(), trainer.data(), seed);
    const double reconstruction = ours.figures[1].item<double>(), kl = ours.figures[2].item<double>();
    const bool right = std::abs(reconstruction / dense.reconstruction - 1) < 1e-4 &&
                       std::abs(kl - dense.kl) < 1e-3 * std::max(1.0, dense.kl);
    if (!right)
        std::printf("losses differ from the dense check: reconstruction %.4f, %.4f; KL %.5f, %.5f\n",
                    reconstruction, dense.reconstruction, kl, dense.kl);
    return right;
}

}  // namespace

int step(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.empty())
        throw ConfigError("lapatlas-bench step PREPARED.h5 [--steps=N] [--section.key=value ...]");
    Config config;
    config.train.batch = "full";
    config.train.loss_cells = 0;
    config.model.encoder_genes = 0;  // as the peer's
    config.model.hidden = 256;
    config.model.latent = 16;
    const BenchOptions options(arguments, 1, config, {{"steps", "5"}});
    const std::int64_t steps = options.number("steps");
    config.train.joint_epochs = steps + 1;
    check_config(config);
    const int threads = set_threads(comm, config.runtime.threads);
    const ReusedMemory reused;  // as in training on the whole graph

    std::vector<double> seconds;
    double first_loss = 0, last_loss = 0;
    std::int64_t cells = 0, genes = 0, edges = 0;
    {
        Log log({.speaks = comm.is_root(), .quiet = false, .json_path = ""});
        Trainer trainer(choose_backend(comm, config.runtime.device, config.runtime.exchange_timeout, log),
                        config, arguments[0]);
        for (std::int64_t s = 0; s <= steps; ++s) {
            barrier(comm);
            const Timer timer;
            const StepResult result = trainer.joint_step();
            const double slowest = all_reduce_max(comm, timer.seconds());
            if (s == 0) {
                first_loss = result.loss;
            } else {
                seconds.push_back(slowest);  // the first step also allocates
            }
            last_loss = result.loss;
            cells = result.num_cells;
        }
        genes = trainer.data().counts.num_genes();
        edges =
            all_reduce_sum(comm, static_cast<std::int64_t>(trainer.data().train_graph.columns.size())) / 2;
    }
    const double memory = all_reduce_sum(comm, peak_memory_mib());
    const bool right = is_right(comm, config, arguments[0]) && std::isfinite(last_loss);
    if (!right || !(last_loss < first_loss)) {
        if (comm.is_root())
            std::printf("wrong result (loss %.2f, then %.2f): no time\n", first_loss, last_loss);
        return 1;
    }
    std::sort(seconds.begin(), seconds.end());
    if (comm.is_root())
        std::printf(
            "{\"bench\": \"step\", \"batch\": \"%s\", \"cells\": %lld, \"genes\": %lld, \"hidden\": %lld, "
            "\"order\": %lld, \"edges\": %lld, \"ranks\": %d, \"threads\": %d, \"steps\": %zu, "
            "\"seconds_min\": %.4f, \"seconds_median\": %.4f, \"seconds_max\": %.4f, "
            "\"peak_memory_mib\": %.0f, \"checked\": \"%s\"}\n",
            config.train.batch.c_str(), static_cast<long long>(cells), static_cast<long long>(genes),
            static_cast<long long>(config.model.hidden), static_cast<long long>(config.model.cheb_order),
            static_cast<long long>(edges), comm.size(), threads, seconds.size(), seconds.front(),
            seconds[seconds.size() / 2], seconds.back(), memory,
            comm.size() == 1 ? "losses against dense torch operations" : "loss falls");
    return 0;
}

}  // namespace lapatlas::bench
