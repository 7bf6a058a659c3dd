// Real training steps at one number of ranks, as a point of a scaling study.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <set>
#include <string>

#include "dist/collectives.hpp"
#include "dist/memory_use.hpp"
#include "dist/timer.hpp"
#include "launch/threads.hpp"
#include "src/config/config.hpp"
#include "src/preprocess/expression_rows.hpp"
#include "src/train/trainer.hpp"
#include "tests/bench/bench_options.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/scaling/trainer_point.hpp"

namespace lapatlas::bench {

namespace {

/// Collective. Machines that ranks run on.
int count_nodes(const Communicator& comm) {
    char name[MPI_MAX_PROCESSOR_NAME] = {};
    int length = 0;
    check_mpi(MPI_Get_processor_name(name, &length), "MPI_Get_processor_name");
    std::vector<char> mine(name, name + length);
    mine.push_back('\n');
    const std::vector<char> all = all_gather_v<char>(comm, mine);
    std::set<std::string> names;
    std::string current;
    for (const char c : all) {
        if (c != '\n') {
            current += c;
            continue;
        }
        names.insert(current);
        current.clear();
    }
    return static_cast<int>(names.size());
}

}  // namespace

int scaling(const Communicator& comm, const std::vector<std::string>& arguments) {
    if (arguments.size() < 2)
        throw ConfigError(
            "lapatlas-bench scaling PREPARED.h5 OUT.json [--series=NAME] [--where=TEXT] [--steps=N] "
            "[--section.key=value ...]");
    Config config;
    config.train.batch = "full";
    config.train.loss_cells = 0;
    BenchOptions options(arguments, 2, config,
                         {{"series", "weak"}, {"where", "this machine"}, {"steps", "3"}});
    const auto steps = static_cast<int>(options.number("steps"));
    config.train.joint_epochs = steps + 2;
    check_config(config);
    if (config.train.batch != "full")
        throw ConfigError("train.batch = " + config.train.batch +
                          ": a scaling study is of whole-graph steps");
    const int threads = set_threads(comm, config.runtime.threads);
    if (comm.is_root() && threads != 1)
        std::fprintf(stderr, "note: %d threads a rank; a study of ranks wants --runtime.threads=1\n",
                     threads);

    const StageMemory memory;
    const ReusedMemory reused;  // as in training on the whole graph
    Log log({.speaks = comm.is_root(), .quiet = true, .json_path = ""});
    Trainer trainer(choose_backend(comm, config.runtime.device, config.runtime.exchange_timeout, log), config,
                    arguments[0]);
    StudyPoint point = study_point_of(comm, trainer, measure_machine(trainer.config().model.hidden));
    point.series = options["series"];

    const double first_loss = trainer.joint_step().loss;  // also allocates
    double loss = first_loss;
    std::vector<double> seconds;
    const HaloStatistics before = trainer.halo();
    const double reduce_before = trainer.reduce_wait_seconds();
    for (int s = 0; s < steps; ++s) {
        barrier(comm);
        const Timer timer;
        loss = trainer.joint_step().loss;
        seconds.push_back(all_reduce_max(comm, timer.seconds()));
    }
    if (!(loss < first_loss)) {
        if (comm.is_root()) std::printf("wrong result (loss %.2f, then %.2f): no time\n", first_loss, loss);
        return 1;
    }
    std::sort(seconds.begin(), seconds.end());
    const HaloStatistics& halo = trainer.halo();
    const double ranks = comm.size(), count = steps;
    const ExchangePlan& plan = trainer.data().train_graph.plan;
    StepFigures figures;
    figures.series = options["series"];
    figures.kind = "measured";
    figures.where = options["where"];
    figures.ranks = comm.size();
    figures.nodes = count_nodes(comm);
    figures.cells = point.cells;
    figures.seconds = seconds[seconds.size() / 2];
    const double waited = halo.exposed_seconds - before.exposed_seconds,
                 reduced = trainer.reduce_wait_seconds() - reduce_before;
    figures.halo_wait = all_reduce_sum(comm, waited) / ranks / count;
    figures.reduce_wait = all_reduce_sum(comm, reduced) / ranks / count;
    figures.exchanges = static_cast<double>(halo.exchanges - before.exchanges) / count;
    figures.halo_bytes =
        all_reduce_max(comm, static_cast<double>(halo.sent_bytes - before.sent_bytes)) / count;
    figures.messages = all_reduce_max(comm, static_cast<double>(plan.send_ranks.size())) * figures.exchanges;
    figures.reduce_bytes = 4.0 * static_cast<double>(std::accumulate(point.gradients.begin(),
                                                                     point.gradients.end(), std::int64_t{0}));
    figures.ghosts_mean = all_reduce_sum(comm, static_cast<double>(plan.num_ghosts())) / ranks;
    figures.ghosts_max = all_reduce_max(comm, static_cast<double>(plan.num_ghosts()));
    figures.work_mean = all_reduce_sum(comm, figures.seconds - (waited + reduced) / count) / ranks;
    figures.work_max = all_reduce_max(comm, figures.seconds - (waited + reduced) / count);
    figures.peak_memory = all_reduce_max(comm, static_cast<double>(memory.peak()));

    if (!comm.is_root()) return 0;
    // The rates say how the work is spread over the step; how long it takes is what was measured.
    double modelled = 0;
    for (const RankLoad& load : point.loads) {
        double work = 0;
        for (const Operation& operation : point.step)
            work += operation.work.seconds(load) + operation.meanwhile.seconds(load) +
                    operation.after.seconds(load);
        modelled += work / ranks;
    }
    for (Operation& operation : point.step)
        for (Cost* cost : {&operation.work, &operation.meanwhile, &operation.after})
            *cost = cost->times(figures.work_mean / modelled);
    const std::filesystem::path out = arguments[1];
    write_figures(out, figures);
    write_point(std::filesystem::path(out).replace_extension(".point.json"), point);
    std::printf(
        "%d ranks on %d nodes, %.0f cells: %.3f s a step (%.3f .. %.3f), exposed %.3f s of halo and %.3f s "
        "of "
        "gradients; ghosts %.0f (largest %.0f); work by the machine's rates %.3f s, seen %.3f s\n",
        figures.ranks, figures.nodes, figures.cells, figures.seconds, seconds.front(), seconds.back(),
        figures.halo_wait, figures.reduce_wait, figures.ghosts_mean, figures.ghosts_max, modelled,
        figures.work_mean);
    return 0;
}

}  // namespace lapatlas::bench
