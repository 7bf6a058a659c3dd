// What runs on a GPU beside what LibTorch offers for it (cuSPARSE, cuBLAS, unfused expressions): each result
// is checked, then both are timed in turns. Rates stand beside those of a plain copy and of a large product
// on the same GPU.
#include <c10/cuda/CUDACachingAllocator.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <numeric>

#include "dist/device.hpp"
#include "dist/timer.hpp"
#include "src/backend/backend.hpp"
#include "src/backend/torch_device.hpp"
#include "src/config/config.hpp"
#include "src/decode/count_decoder.hpp"
#include "src/embed/parameter_init.hpp"
#include "src/embed/sparse_kernels_cuda.hpp"
#include "src/generate/generate.hpp"
#include "src/graph/knn.hpp"
#include "src/graph/nearest_lists_cuda.hpp"
#include "src/plan/workload.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/preprocess/pca.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/trainer.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/median.hpp"

namespace lapatlas::bench {

namespace {

constexpr int kRuns = 15;

struct Bench {
    torch::Device device;
    double copy_bytes_a_second = 0;  ///< of a device-to-device copy, read and written
    double flops_a_second = 0;       ///< of a float32 product of 8192 x 8192
};

double seconds_of(const std::function<void()>& work) {
    torch::cuda::synchronize();
    const Timer timer;
    work();
    torch::cuda::synchronize();
    return timer.seconds();
}

/// Medians of both, in turns; the first of each is not counted.
std::pair<double, double> in_turns(const std::function<void()>& ours, const std::function<void()>& peer) {
    std::vector<double> of_ours, of_peer;
    for (int run = 0; run <= kRuns; ++run) {
        const double a = seconds_of(ours), b = peer ? seconds_of(peer) : 0;
        if (run == 0) continue;
        of_ours.push_back(a);
        of_peer.push_back(b);
    }
    return {median(of_ours), median(of_peer)};
}

std::int64_t peak_bytes_of(const torch::Device& device, const std::function<void()>& work) {
    using c10::cuda::CUDACachingAllocator::getDeviceStats;
    c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
    const std::int64_t before = getDeviceStats(device.index()).allocated_bytes[0].current;
    work();
    torch::cuda::synchronize();
    return getDeviceStats(device.index()).allocated_bytes[0].peak - before;
}

bool alike(const torch::Tensor& ours, const torch::Tensor& peer, double tolerance, const char* what) {
    const double worst = ((ours - peer).abs().max() / peer.abs().max()).item<double>();
    if (worst <= tolerance) return true;
    std::printf("%s: wrong result, %.2e of the largest value: no time\n", what, worst);
    return false;
}

void say(const Bench& bench, const char* what, std::pair<double, double> seconds, double bytes,
         double flops) {
    std::printf("%-46s %9.3f ms", what, 1e3 * seconds.first);
    if (seconds.second > 0)
        std::printf("  LibTorch %9.3f ms  %5.2fx", 1e3 * seconds.second, seconds.second / seconds.first);
    if (bytes > 0) std::printf("  %3.0f %% of copy", 100 * bytes / seconds.first / bench.copy_bytes_a_second);
    if (flops > 0) std::printf("  %3.0f %% of product", 100 * flops / seconds.first / bench.flops_a_second);
    std::printf("\n");
}

void measure_peaks(Bench& bench) {
    const auto options = torch::TensorOptions(bench.device);
    const torch::Tensor from = torch::ones({std::int64_t{1} << 28}, options), to = torch::empty_like(from);
    bench.copy_bytes_a_second =
        2.0 * static_cast<double>(from.nbytes()) / in_turns([&] { to.copy_(from); }, {}).first;
    const torch::Tensor a = torch::randn({8192, 8192}, options);
    torch::Tensor c = torch::empty_like(a);
    bench.flops_a_second = 2.0 * 8192 * 8192 * 8192 / in_turns([&] { torch::mm_out(c, a, a); }, {}).first;
    std::printf("copy %.0f GB/s, float32 product %.1f TFLOP/s\n", bench.copy_bytes_a_second / 1e9,
                bench.flops_a_second / 1e12);
}

/// A graph's Laplacian times a block of features; cuSPARSE beside it.
bool graph_product(const Bench& bench) {
    constexpr std::int64_t kCells = 200'000, kDegree = 20;
    const auto options = torch::TensorOptions(bench.device);
    const torch::Tensor offsets =
        torch::arange(0, kCells * kDegree + 1, kDegree, options.dtype(torch::kInt64));
    // Neighbours as METIS leaves them: near in number.
    const torch::Tensor columns =
        ((torch::arange(kCells, options.dtype(torch::kInt64)).unsqueeze(1) +
          torch::randint(-2000, 2000, {kCells, kDegree}, options.dtype(torch::kInt64)) + kCells) %
         kCells)
            .reshape({-1})
            .contiguous();
    const torch::Tensor narrow = columns.to(torch::kInt32),
                        weights = torch::rand({kCells * kDegree}, options);
    const torch::Tensor matrix = torch::sparse_csr_tensor(offsets, columns, weights, {kCells, kCells},
                                                          options.layout(torch::kSparseCsr));
    for (const std::int64_t width : {32, 128, 512}) {
        const torch::Tensor in = torch::randn({kCells, width}, options);
        torch::Tensor out = torch::empty_like(in), peer;
        const auto ours = [&] {
            cuda::weighted_row_sums<float>({offsets.data_ptr<std::int64_t>(), narrow.data_ptr<std::int32_t>(),
                                            weights.data_ptr<float>()},
                                           nullptr, kCells, in.data_ptr<float>(), width, 1.0f, nullptr,
                                           nullptr, out.data_ptr<float>(), stream_of(bench.device));
        };
        const auto cusparse = [&] { peer = torch::matmul(matrix, in); };
        ours();
        cusparse();
        if (!alike(out, peer, 1e-5, "graph product")) return false;
        const double bytes = 8.0 * kCells * kDegree + 2.0 * static_cast<double>(in.nbytes());
        say(bench, ("graph product, width " + std::to_string(width)).c_str(), in_turns(ours, cusparse), bytes,
            0);
    }
    return true;
}

CountMatrix random_counts(std::int64_t cells, std::int64_t genes, double density) {
    const PlacedRandom random(5, RandomStream::kSimulate);
    CountMatrix counts;
    counts.num_genes = genes;
    for (std::int64_t c = 0; c < cells; ++c) {
        for (std::int64_t g = 0; g < genes; g += 4) {
            const auto words = random.words(static_cast<std::uint64_t>(c), 0, static_cast<std::uint32_t>(g));
            for (std::int64_t j = 0; j < 4 && g + j < genes; ++j) {
                const double u = uniform_float(words[static_cast<std::size_t>(j)]);
                if (u >= density) continue;
                counts.gene_indices.push_back(static_cast<std::int32_t>(g + j));
                counts.values.push_back(1.0f + static_cast<float>(static_cast<int>(3 * u / density)));
            }
        }
        counts.row_offsets.push_back(static_cast<std::int64_t>(counts.values.size()));
    }
    return counts;
}

torch::Tensor sparse_of(const CountMatrix& counts, const torch::Device& device) {
    return torch::sparse_csr_tensor(tensor_of(counts.row_offsets, device),
                                    tensor_of(counts.gene_indices, device).to(torch::kInt64),
                                    tensor_of(counts.values, device), {counts.num_rows(), counts.num_genes},
                                    torch::TensorOptions(device).layout(torch::kSparseCsr));
}

/// The encoder's first product and the decoder's likelihood with its gradients, on the cells of one step.
bool step_parts(const Bench& bench, const Backend& backend) {
    constexpr std::int64_t kCells = 8192, kGenes = 6000, kHidden = 1024;
    const CountMatrix counts = random_counts(kCells, kGenes, 0.06);
    std::vector<float> library;
    std::vector<std::int64_t> ids(kCells), rows(kCells);
    std::iota(ids.begin(), ids.end(), 0);
    std::iota(rows.begin(), rows.end(), 0);
    for (std::int64_t c = 0; c < kCells; ++c) {
        const SparseCounts row = row_of(counts, c);
        library.push_back(std::accumulate(row.values, row.values + row.size, 0.0f));
    }
    const PackedCounts packed(counts);
    const MatrixRows as_read(counts);
    const auto store = backend.store({as_read, packed, library, ids});
    const auto options = torch::TensorOptions(bench.device);
    const torch::Tensor sparse = sparse_of(counts, bench.device), dense = sparse.to_dense();

    const torch::Tensor w = torch::randn({kGenes, kHidden}, options);
    torch::Tensor out = torch::empty({kCells, kHidden}, options), peer;
    const std::vector<std::int32_t> short_rows(rows.begin(), rows.end());
    const auto first_layer = [&] { store->inputs(short_rows, {})->times(w, out); };
    const auto cusparse = [&] { peer = torch::matmul(sparse, w); };
    first_layer();
    cusparse();
    if (!alike(out, peer, 1e-5, "first layer")) return false;
    say(bench, "first layer, made dense, 8192 x 6000 x 1024", in_turns(first_layer, cusparse), 0,
        2.0 * kCells * kGenes * kHidden);

    CountDecoder decoder(CountDecoderOptions{.latent = 16, .hidden = kHidden, .genes = kGenes});
    initialise_parameters(*decoder, 1, 1);
    decoder->to(bench.device);
    const torch::Tensor hidden = torch::rand({kCells, kHidden}, options).set_requires_grad(true);
    const auto cells = store->counts(rows);
    torch::Tensor ours_loss, peer_loss;
    const auto fused = [&] {
        hidden.mutable_grad() = torch::Tensor();
        ours_loss = decoder->negative_log_likelihood(hidden, *cells, {}, 2048);
        ours_loss.backward();
    };
    const torch::Tensor sizes = tensor_of(library, bench.device).unsqueeze(1);
    const torch::Tensor theta = decoder->dispersion();
    const auto parameters = decoder->named_parameters();
    const auto unfused = [&] {
        hidden.mutable_grad() = torch::Tensor();
        const torch::Tensor logits =
            torch::linear(hidden, parameters["output.weight"], parameters["output.bias"]);
        const torch::Tensor mu = torch::softmax(logits, 1) * sizes;
        const torch::Tensor log_likelihood = torch::lgamma(dense + theta) - torch::lgamma(theta) -
                                             torch::lgamma(dense + 1) - theta * torch::log1p(mu / theta) -
                                             dense * torch::log1p(theta / mu);
        peer_loss = -log_likelihood.sum();
        peer_loss.backward();
    };
    const std::int64_t fused_peak = peak_bytes_of(bench.device, fused);
    const torch::Tensor gradient = hidden.grad().clone();
    const std::int64_t unfused_peak = peak_bytes_of(bench.device, unfused);
    if (!alike(ours_loss.to(torch::kFloat32), peer_loss, 1e-3, "likelihood") ||
        !alike(gradient, hidden.grad(), 1e-3, "gradient of the likelihood"))
        return false;
    say(bench, "linear + likelihood + gradients, same sizes", in_turns(fused, unfused), 0,
        3 * 2.0 * kCells * kGenes * kHidden);
    std::printf("%-46s %9.0f MB  LibTorch %9.0f MB\n", "  peak memory beyond inputs",
                static_cast<double>(fused_peak) / 1e6, static_cast<double>(unfused_peak) / 1e6);
    return true;
}

bool draws(const Bench& bench, const Backend& backend) {
    for (const std::int64_t genes : {2000, 8573, 30000}) {
        const std::int64_t cells = backend.block_cells();
        const torch::Tensor logits = 2 * torch::randn({cells, genes}, torch::TensorOptions(bench.device));
        BlockDraws block;
        block.cells = cells;
        block.dispersion = torch::full({1, genes}, 2.0f, logits.options());
        block.log_offset = [](std::int64_t, double log_total) {
            return static_cast<float>(std::log(2500.0) - log_total);
        };
        double total = 0;
        const auto draw = [&] {
            block.logits = logits.clone();
            const CountMatrix counts = backend.draw_counts(block);
            total = std::accumulate(counts.values.begin(), counts.values.end(), 0.0);
        };
        draw();
        if (std::abs(total / static_cast<double>(cells) / 2500 - 1) > 0.02) {
            std::printf("count draws: %.1f counts a cell for 2500: no time\n",
                        total / static_cast<double>(cells));
            return false;
        }
        const double seconds = in_turns(draw, {}).first;
        std::printf("count draws, %5lld genes %31.0f cells/s, on the host again\n",
                    static_cast<long long>(genes), static_cast<double>(cells) / seconds);
    }
    return true;
}

bool neighbours(const Bench& bench) {
    constexpr std::int64_t kQueries = 4096, kPoints = 131'072, kDim = 50;
    constexpr int kKept = 16;
    const auto options = torch::TensorOptions(bench.device);
    const torch::Tensor points = torch::randn({kPoints, kDim}, options), squares = points.square().sum(1);
    const torch::Tensor queries = points.narrow(0, 0, kQueries);
    torch::Tensor scores;
    const auto product = [&] { scores = torch::addmm(squares, queries, points.t(), 1, -2); };
    const torch::Tensor best = torch::empty({kQueries, kKept}, options);
    const torch::Tensor ids = torch::empty({kQueries, kKept}, options.dtype(torch::kInt32));
    const cuda::NearestSoFar nearest{kQueries, kKept, best.data_ptr<float>(), ids.data_ptr<std::int32_t>()};
    const auto ours = [&] {
        product();
        cuda::clear_nearest(nearest, stream_of(bench.device));
        cuda::offer_points(scores.data_ptr<float>(), kPoints, 0, nullptr, nearest, stream_of(bench.device));
    };
    torch::Tensor values;
    const auto topk = [&] {
        product();
        values = std::get<0>(torch::topk(scores, kKept, 1, /*largest=*/false));
    };
    ours();
    topk();
    if (!alike(best, values, 1e-6, "neighbours")) return false;
    say(bench, "neighbours, 4096 of 131072 points in 50-d", in_turns(ours, topk), 0,
        2.0 * kQueries * kPoints * kDim);
    return true;
}

/// Cells a second of a trained run's model, counts on the host, nothing written.
void generation(const std::shared_ptr<const Backend>& backend, const std::string& run) {
    const std::filesystem::path folder = run;
    Config config = read_config(folder / "config.toml");
    const TrainedModel trained = load_trained_model(backend, folder / "checkpoints" / "last.h5", config);
    config.generate.cells = 64 * backend->block_cells();
    const CellPlan plan = make_cell_plan(config.generate, config.input, trained.known, trained.num_cells);
    std::int64_t block = 0, entries = 0;
    const Generator generator(trained.model, config.generate, plan, 1);
    const double seconds =
        in_turns([&] { entries = generator.block(block++).counts.num_nonzeros(); }, {}).first;
    std::printf("generation, %5lld genes, %2lld steps %24.0f cells/s, %.0f counts above zero a cell\n",
                static_cast<long long>(trained.model.num_genes),
                static_cast<long long>(config.generate.steps),
                static_cast<double>(backend->block_cells()) / seconds,
                static_cast<double>(entries) / static_cast<double>(backend->block_cells()));
}

/// Joint training steps of a run's prepared dataset at its settings, from the start.
bool training(const Bench& bench, const std::shared_ptr<const Backend>& backend, const std::string& run) {
    const std::filesystem::path folder = run;
    Config config = read_config(folder / "config.toml");
    double exact_loss = 0;
    for (const char* precision : {"float32", "bfloat16"}) {
        config.train.precision = precision;
        Trainer trainer(backend, config, folder / "prepared.h5");
        StepResult step = trainer.joint_step();
        if (exact_loss == 0) exact_loss = step.loss;
        if (std::abs(step.loss / exact_loss - 1) > 1e-2) {
            std::printf("training, %s: loss %.3f for %.3f: no time\n", precision, step.loss, exact_loss);
            return false;
        }
        const double seconds = in_turns([&] { step = trainer.joint_step(); }, {}).first;
        const PreparedSummary& summary = trainer.data().summary;
        const Workload work = workload_of(summary, config, 1, 1);
        // Two products for each of the forward pass; the encoder's input is dense there.
        const double flops = 6 * (work.active_cells() * work.network_weights() +
                                  (work.loss_cells() - work.active_cells()) * work.output_weights());
        std::printf("training, %s, %.0f genes, hidden %lld %14.0f cells/s in the graph, %.0f in the loss",
                    precision, work.genes, static_cast<long long>(trainer.config().model.hidden),
                    work.active_cells() / seconds, work.loss_cells() / seconds);
        std::printf("  %.0f %% of product\n", 100 * flops / seconds / bench.flops_a_second);
    }
    return true;
}

/// Principal components and neighbours of simulated cells, as `prepare` makes them.
bool preparation(const Backend& backend) {
    constexpr std::int64_t kCells = 1'000'000, kBlock = 10'000, kNeighbours = 25, kComponents = 50;
    SimulateOptions options;
    options.genes = 2000;
    options.median_counts = 800;
    const Simulator simulator(options, 1);
    CountMatrix counts;
    counts.num_genes = options.genes;
    for (std::int64_t first = 0; first < kCells; first += kBlock) {
        const CountMatrix block = simulator.block(first, kBlock).counts;
        for (std::int64_t row = 1; row <= kBlock; ++row)
            counts.row_offsets.push_back(counts.num_nonzeros() +
                                         block.row_offsets[static_cast<std::size_t>(row)] -
                                         block.row_offsets[static_cast<std::size_t>(row) - 1]);
        counts.gene_indices.insert(counts.gene_indices.end(), block.gene_indices.begin(),
                                   block.gene_indices.end());
        counts.values.insert(counts.values.end(), block.values.begin(), block.values.end());
    }
    const PackedCounts packed(counts);
    counts = {};
    const LogCounts normalised(packed, 1e4);
    Timer timer;
    const PcaResult components =
        pca(*backend.centred_gram(normalised), {.components = kComponents, .seed = 1});
    const double of_components = timer.seconds();
    timer = Timer();
    const KnnGraph graph =
        knn_exact(backend.comm(), components.scores, kComponents, kNeighbours, backend.block_search());
    const double of_neighbours = timer.seconds();
    const double recall = knn_recall(backend.comm(), components.scores, kComponents, graph, 500);
    if (!components.pca.converged || recall < 1) {
        std::printf("preparation: recall %.4f: no time\n", recall);
        return false;
    }
    std::printf("1,000,000 cells x 2,000 genes: components %.1f s, %lld neighbours %.1f s, recall %.3f\n",
                of_components, static_cast<long long>(kNeighbours), of_neighbours, recall);
    return true;
}

}  // namespace

int gpu(const Communicator& comm, const std::vector<std::string>& arguments) {
    std::string why;
    const Device device = choose_device(comm, "cuda", "device", why);
    const std::shared_ptr<const Backend> backend = make_cuda_backend(comm, device, 60);
    torch::manual_seed(1);
    Bench bench{.device = backend->device()};
    std::printf("%s, medians of %d runs in turns\n", device.name.c_str(), kRuns);
    measure_peaks(bench);
    if (!graph_product(bench) || !step_parts(bench, *backend) || !draws(bench, *backend) ||
        !neighbours(bench) || !preparation(*backend))
        return 1;
    for (const std::string& run : arguments) {
        if (!training(bench, backend, run)) return 1;
        if (std::filesystem::exists(std::filesystem::path(run) / "checkpoints" / "last.h5"))
            generation(backend, run);
    }
    return 0;
}

}  // namespace lapatlas::bench
