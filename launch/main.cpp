// lapatlas: one binary, one subcommand a stage. What a stage does is in src/; here is only the process edge.
#include <c10/util/Exception.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "dist/agreement.hpp"
#include "dist/batch_job.hpp"
#include "dist/environment.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_crash.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/heartbeat.hpp"
#include "dist/log.hpp"
#include "dist/stop_request.hpp"
#include "launch/options.hpp"
#include "launch/threads.hpp"
#include "src/ablate.hpp"
#include "src/backend/backend.hpp"
#include "src/denoise_run.hpp"
#include "src/embed_run.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/evaluate_run.hpp"
#include "src/generate/generate.hpp"
#include "src/inspect.hpp"
#include "src/io/atlas_files.hpp"
#include "src/pipeline.hpp"
#include "src/plan/memory_check.hpp"
#include "src/plan_run.hpp"
#include "src/report_run.hpp"
#include "src/robustness_run.hpp"
#include "src/run_folder.hpp"
#include "src/run_history.hpp"
#include "src/run_status.hpp"
#include "src/sensitivity_run.hpp"
#include "src/simulate/factor_model.hpp"
#include "src/simulate/simulator.hpp"
#include "src/train/trainer.hpp"
#include "src/train_run.hpp"

namespace lapatlas {

namespace {

std::filesystem::path given_or(const std::string& given, const std::filesystem::path& otherwise) {
    return given.empty() ? otherwise : std::filesystem::path(given);
}

void print_evaluation(const Communicator& comm, const EvaluationResult& result) {
    if (comm.is_root()) std::fputs(evaluation_table(result).c_str(), stdout);
}

void execute(const Communicator& comm, const CommandLine& line, Log& log) {
    const RunFolder run{line.config.output.dir};
    // What looks at a run takes the configuration that made it, with the sizes that were left to the data.
    const bool uses_run = (line.subcommand == "evaluate" && line.reference.empty()) ||
                          line.subcommand == "report" || line.subcommand == "embed" ||
                          line.subcommand == "robustness";
    const Config config = uses_run ? derived_for(comm, run, line.config) : line.config;
    const std::string& asked = line.subcommand;
    if (asked == "run" || asked == "prepare" || asked == "train" || asked == "generate" ||
        asked == "denoise" || asked == "sensitivity" || uses_run)
        keep_status(comm, run, asked, log);
    if (config.input.values != "counts" && asked != "denoise" && asked != "sensitivity" &&
        asked != "status" && asked != "inspect")
        throw ConfigError("input.values = " + config.input.values + ": `lapatlas " + asked +
                          "` models counts; only `lapatlas denoise` takes other values");
    const auto backend = [&] {
        return choose_backend(comm, config.runtime.device, config.runtime.exchange_timeout, log);
    };
    if (line.subcommand == "run") {
        run_pipeline(backend(), config, log);
        const EvaluationResult result = agreed(comm, [&] { return read_evaluation_json(run.evaluation()); });
        print_evaluation(comm, result);
    } else if (line.subcommand == "simulate") {
        const auto seed = static_cast<std::uint64_t>(config.runtime.seed);
        const std::filesystem::path output = given_or(line.output, "simulated.h5ad");
        const auto provenance = provenance_of(comm, config, "simulate");
        if (config.simulate.dice_setup > 0)
            simulate_factor_model(comm, config.simulate.dice_setup, seed, output, log, provenance);
        else
            simulate_atlas(comm, config.simulate, seed, output, log, provenance);
    } else if (line.subcommand == "prepare") {
        const auto chosen = backend();
        recorded(comm, run, asked, log, [&] { prepare_run(*chosen, run, config, log); });
    } else if (line.subcommand == "train") {
        const auto chosen = backend();
        require_possible(*chosen, config.train);
        open_run_folder(comm, run, config);
        const Config resolved = derived_for(comm, run, config);
        if (!root_decides(comm, [&] { return is_trained(run, resolved); }))
            require_training_memory(*chosen, resolved, run.prepared(), log);
        // What cannot be had is not written down.
        keep_config(comm, run, resolved);
        recorded(comm, run, asked, log, [&] { train_run(chosen, resolved, run, log); });
    } else if (line.subcommand == "generate") {
        const auto chosen = backend();
        recorded(comm, run, asked, log, [&] {
            generate(chosen, config, run.checkpoint(), given_or(line.output, run.atlas()),
                     provenance_of(comm, config, "generate"), log);
        });
    } else if (line.subcommand == "evaluate") {
        // Figures of a file that is not the run's own atlas must not pass for the run's.
        std::filesystem::path beside = line.generated;
        beside.replace_extension(".evaluation.json");
        const std::filesystem::path output =
            given_or(line.output, line.generated.empty() ? run.evaluation() : beside);
        if (line.reference.empty()) {
            recorded(comm, run, asked, log, [&] {
                const auto generated =
                    given_or(line.generated, written_atlas(run.atlas(), config.generate.shards));
                print_evaluation(comm, evaluate_run(comm, config, run, generated, output, log));
            });
        } else {
            print_evaluation(comm, evaluate_files(comm, config, line.generated, output, log));
        }
    } else if (line.subcommand == "report") {
        report_run(comm, config, run, given_or(line.output, run.report()), log);
    } else if (line.subcommand == "embed") {
        embed_run(comm, config, run, given_or(line.output, run.dir / "embedding.h5ad"),
                  provenance_of(comm, config, "embed"), log);
    } else if (line.subcommand == "denoise") {
        const auto chosen = backend();
        recorded(comm, run, asked, log, [&] {
            denoise_run(chosen, config, run, given_or(line.output, run.dir / "denoised.h5ad"),
                        provenance_of(comm, config, "denoise"), log);
        });
    } else if (line.subcommand == "sensitivity") {
        const auto chosen = backend();
        std::string table;
        recorded(comm, run, asked, log, [&] {
            table = sensitivity_run(chosen, config, run, provenance_of(comm, config, "sensitivity"), log);
        });
        if (comm.is_root()) std::fputs(table.c_str(), stdout);
    } else if (line.subcommand == "robustness") {
        const std::string table = robustness_run(comm, config, run, log);
        if (comm.is_root()) std::fputs(table.c_str(), stdout);
    } else if (line.subcommand == "ablate") {
        const std::string table = ablate(backend(), config, run.dir, log);
        if (comm.is_root()) std::fputs(table.c_str(), stdout);
    } else if (line.subcommand == "plan") {
        const std::string text =
            agreed(comm, [&] { return comm.is_root() ? plan_run(comm, run, config) : std::string(); });
        if (comm.is_root()) std::fputs(text.c_str(), stdout);
    } else if (line.subcommand == "status") {
        const std::string text =
            agreed(comm, [&] { return comm.is_root() ? run_status(RunFolder{line.target}) : std::string(); });
        if (comm.is_root()) std::fputs(text.c_str(), stdout);
    } else if (line.subcommand == "inspect") {
        const std::string text = agreed(comm, [&] {
            return comm.is_root() ? inspect(line.target, line.parts > 0 ? line.parts : comm.size())
                                  : std::string();
        });
        if (comm.is_root()) std::fputs(text.c_str(), stdout);
    }
}

/// True when every rank gets here within half a minute: then all know of the error and may leave quietly.
/// Otherwise one failed alone, and the others must not be left waiting for it.
bool all_ranks_failed_together() {
    MPI_Request request = MPI_REQUEST_NULL;
    if (MPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS) return false;
    for (int tenth = 0; tenth < 300; ++tenth) {
        int done = 0;
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done != 0) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
}

std::string out_of_gpu_memory(const c10::OutOfMemoryError& error) {
    const std::string text = error.what_without_backtrace();
    return "the GPU's memory is full: train with fewer cells a step (train.active_clusters) or a chunk "
           "(train.decode_chunk), or on more GPUs (" +
           text.substr(0, text.find('\n')) + ")";
}

int report_failure(const Communicator& world, std::optional<Log>& log, std::optional<Heartbeat>& heartbeat,
                   const char* message, int exit_code) {
    if (log) log->end_status(exit_code == kStoppedExitCode ? "stopped" : "failed", message);
    const char* what = exit_code == kStoppedExitCode ? "" : "error: ";
    if (world.is_root()) std::fprintf(stderr, "%s%s\n", what, message);
    if (all_ranks_failed_together()) return exit_code;
    if (!world.is_root()) std::fprintf(stderr, "%s%s [rank %d]\n", what, message, world.rank());
    // This end is no death that the others should tell of.
    heartbeat.reset();
    abort_all_ranks(exit_code);
}

/// Stages that put away what they have when they are asked to stop.
bool can_go_on(const std::string& subcommand) {
    return subcommand == "run" || subcommand == "train" || subcommand == "generate" ||
           subcommand == "denoise" || subcommand == "sensitivity";
}

/// The end of a SLURM job's time, less what putting away may take, asks to stop; of a short job no more than
/// a tenth goes for that.
void heed_end_of_job(const Config& config) {
    using Clock = std::chrono::system_clock;
    const auto job = batch_job();
    if (!job || !job->end || config.runtime.stop_before <= 0) return;
    const std::chrono::duration<double> wanted(config.runtime.stop_before);
    const Clock::duration left = *job->end - Clock::now();
    StopRequest::stop_from(*job->end -
                           std::min(std::chrono::duration_cast<Clock::duration>(wanted), left / 10));
}

/// From here on the ranks watch over one another, until the object's end.
Heartbeat watch_ranks(const Communicator& comm, const RuntimeOptions& runtime, Log& log) {
    const auto job = batch_job();
    return Heartbeat(
        comm,
        {.watch = {.silent_seconds = runtime.heartbeat_timeout, .stuck_seconds = runtime.exchange_timeout},
         .on_end =
             [&log](const std::string& line) {
                 std::fprintf(stderr,
                              "error: %s; the job ends, and the same command goes on from what "
                              "has been put away\n",
                              line.c_str());
                 log.end_status("failed", line);
             },
         .on_warning =
             [&comm](const std::string& line) {
                 if (comm.is_root()) std::fprintf(stderr, "warning: %s\n", line.c_str());
             },
         .end_mark = job ? job->end_mark : ""});
}

}  // namespace

int run_program(int argc, char** argv) {
    // MKL then sums in one order whatever the address its operands came to lie at; read at its first call.
    setenv("MKL_CBWR", "AUTO", 0);
    // First of all: a signal that came before would end the process.
    if (argc > 1 && can_go_on(argv[1])) StopRequest::listen();
    const MpiEnvironment mpi(argc, argv);
    contain_hdf5_crashes();
    const Communicator world = Communicator::world();
    std::optional<Log> log;
    std::optional<Heartbeat> heartbeat;
    try {
        CommandLine line;
        const int code = agreed(world, [&] { return parse_command_line(argc, argv, world.is_root(), line); });
        if (code >= 0) return code;
        set_threads(world, line.config.runtime.threads);
        set_file_striping(line.config.runtime.stripe_count,
                          static_cast<std::int64_t>(line.config.runtime.stripe_mib * 1024 * 1024));
        if (can_go_on(line.subcommand)) heed_end_of_job(line.config);
        log = agreed(world, [&] {
            return Log({.speaks = world.is_root(), .quiet = line.quiet, .json_path = line.log_json});
        });
        heartbeat.emplace(watch_ranks(world, line.config.runtime, *log));
        execute(world, line, *log);
        log->end_status("done");
        return 0;
    } catch (const Error& error) {
        return report_failure(world, log, heartbeat, error.what(), error.exit_code());
    } catch (const c10::OutOfMemoryError& error) {
        return report_failure(world, log, heartbeat, out_of_gpu_memory(error).c_str(), 2);
    } catch (const c10::Error& error) {
        return report_failure(world, log, heartbeat, error.what_without_backtrace(), 1);
    } catch (const std::exception& error) {
        return report_failure(world, log, heartbeat, error.what(), 1);
    }
}

}  // namespace lapatlas

int main(int argc, char** argv) { return lapatlas::run_program(argc, argv); }
