// Sampling a trained model in few evaluations beside 1,000 ancestral steps with the same network, in turns.
#include <cmath>
#include <cstdio>

#include "dist/error.hpp"
#include "dist/timer.hpp"
#include "src/generate/generate.hpp"
#include "tests/bench/bench_options.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/median.hpp"

namespace lapatlas::bench {

namespace {

/// Seconds of a block, and what the network made.
struct Side {
    GenerateOptions options;
    std::vector<double> network, whole;
    torch::Tensor made;
};

void run_block(Side& side, const TrainedModel& trained, const CellPlan& plan, std::uint64_t seed,
               std::int64_t index) {
    const Generator generator(trained.model, side.options, plan, seed);
    const GeneratedBlock start = generator.conditions(index);
    Timer timer;
    const torch::Tensor made = generator.diffused(start);
    side.network.push_back(timer.seconds());
    timer = Timer();
    generator.block(index);
    side.whole.push_back(timer.seconds());
    const c10::InferenceMode no_gradient;
    side.made = side.made.defined() ? torch::cat({side.made, made}) : made;
}

/// Two samples of one distribution: means and deviations of every dimension, within what so many cells leave
/// open.
bool is_alike(const torch::Tensor& a, const torch::Tensor& b) {
    const c10::InferenceMode no_gradient;
    const double cells = static_cast<double>(a.size(0));
    const torch::Tensor mean = (a.mean(0) - b.mean(0)).abs() / b.std(0), deviation = a.std(0) / b.std(0);
    const double off = mean.max().item<double>(), least = deviation.min().item<double>(),
                 most = deviation.max().item<double>();
    std::printf(
        "means of the latent's dimensions differ by up to %.3f deviations (%.3f is noise), deviations by "
        "%.3f to %.3f\n",
        off, 4 * std::sqrt(2 / cells), least, most);
    return off < 0.1 + 4 * std::sqrt(2 / cells) && least > 0.85 && most < 1.15;
}

}  // namespace

int sampler(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.empty() || comm.size() > 1)
        throw ConfigError(
            "on one rank: lapatlas-bench sampler CHECKPOINT.h5 [--blocks=5] [--ancestral=1000]");
    Config config;
    const BenchOptions own(arguments, 1, config, {{"blocks", "5"}, {"ancestral", "1000"}});
    const Checkpoint checkpoint = read_checkpoint(arguments[0]);
    config = parse_config(checkpoint.config, arguments[0]);
    const TrainedModel trained = load_trained_model(make_cpu_backend(comm), arguments[0], config);
    const std::int64_t blocks = own.number("blocks");
    config.generate = GenerateOptions();
    config.generate.cells = blocks * trained.model.block_cells;
    const CellPlan plan = make_cell_plan(config.generate, config.input, trained.known, trained.num_cells);
    Side ours{config.generate, {}, {}, {}}, ancestral{config.generate, {}, {}, {}};
    ancestral.options.solver = "euler_maruyama";
    ancestral.options.steps = own.number("ancestral");
    for (std::int64_t block = 0; block < blocks; ++block) {
        run_block(ours, trained, plan, 1, block);
        run_block(ancestral, trained, plan, 2, block);
    }
    if (!is_alike(ours.made, ancestral.made)) {
        std::printf("the two samplers do not make the same latents\n");
        return 1;
    }
    const auto cells = static_cast<double>(trained.model.block_cells);
    const auto line = [&](const char* what, const std::vector<double>& fast,
                          const std::vector<double>& slow) {
        std::printf("%s: %.0f cells/s, 1,000-step way %.1f cells/s, ratio of medians %.1f\n", what,
                    cells / median(fast), cells / median(slow), median(slow) / median(fast));
    };
    std::printf("%s, %lld evaluations; %s, %lld\n", ours.options.solver.c_str(),
                static_cast<long long>(ours.options.steps), ancestral.options.solver.c_str(),
                static_cast<long long>(ancestral.options.steps));
    line("the network alone", ours.network, ancestral.network);
    line("with decoding and count draws", ours.whole, ancestral.whole);
    return 0;
}

}  // namespace lapatlas::bench
