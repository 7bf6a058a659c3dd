#include "src/run_folder.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "dist/agreement.hpp"
#include "dist/batch_job.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/process.hpp"
#include "src/backend/backend.hpp"
#include "src/config/config.hpp"
#include "src/io/input_files.hpp"
#include "src/io/prepared_file.hpp"
#include "src/prepare.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/trainer.hpp"

namespace lapatlas {

bool open_run_folder(const Communicator& comm, const RunFolder& run, const Config& given) {
    return agreed(comm, [&] {
        if (!comm.is_root()) return false;
        Config config = given;
        if (std::filesystem::exists(run.prepared())) {
            const PreparedSummary summary = read_prepared_summary(run.prepared());
            config = derive_from_size(given, size_of(summary));
            if (!is_prepared_for(summary.fingerprint, config))
                throw ConfigError(run.dir.string() +
                                  ": holds data prepared with other input or prepare options (see its " +
                                  "config.toml); choose another output.dir");
        }
        const auto trained = newest_checkpoint(run.checkpoint());
        if (trained && trained->status.fingerprint != train_fingerprint(config))
            throw ConfigError(trained->path.string() + ": was trained with other data or options (see " +
                              run.config().string() +
                              "); choose another output.dir, or remove the run's checkpoints/");
        if (std::filesystem::exists(run.config()) && !input_exists(config.input.path) &&
            read_config(run.config()).input.path != config.input.path)
            throw InputError(config.input.path + ": no such file or folder (input.path)");
        std::error_code error;
        const bool made = std::filesystem::create_directories(run.dir, error);
        if (error)
            throw InputError(run.dir.string() + ": the run's folder cannot be made (" + error.message() +
                             ")");
        require_writable(run.config());
        return made;
    });
}

Config derived_for(const Communicator& comm, const RunFolder& run, const Config& config) {
    std::vector<std::int64_t> size = agreed(comm, [&] {
        if (!comm.is_root() || !std::filesystem::exists(run.prepared())) return std::vector<std::int64_t>{};
        const DataSize found = size_of(read_prepared_summary(run.prepared()));
        return std::vector<std::int64_t>{found.training_cells, found.genes};
    });
    broadcast(comm, size);
    return size.empty() ? config : derive_from_size(config, {size[0], size[1]});
}

void keep_config(const Communicator& comm, const RunFolder& run, const Config& config) {
    agreed(comm, [&] {
        if (comm.is_root()) write_whole_file(run.config(), dump_config(config));
    });
}

Config prepare_run(const Backend& backend, const RunFolder& run, const Config& config, Log& log) {
    const Communicator& comm = backend.comm();
    const bool made = open_run_folder(comm, run, config);
    Config resolved;
    try {
        resolved = prepare(backend, config, run.prepared(), provenance_of(comm, config, "prepare"), log);
    } catch (...) {
        std::error_code ignored;
        if (made && comm.is_root()) {
            std::filesystem::remove(run.status(), ignored);
            std::filesystem::remove(run.dir, ignored);  // only if it is empty
        }
        throw;
    }
    keep_config(comm, run, resolved);
    return resolved;
}

void keep_status(const Communicator& comm, const RunFolder& run, const std::string& command, Log& log) {
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        nlohmann::json about = {
            {"command", command}, {"ranks", comm.size()}, {"host", host_name()}, {"process", getpid()}};
        if (const auto job = batch_job()) {
            about["job"] = job->id;
            about["nodes"] = job->nodes;
            about["restarts"] = job->restarts;
        }
        log.keep_status(run.status(), about.dump());
    });
}

std::map<std::string, std::string> provenance_of(const Communicator& comm, const Config& config,
                                                 const std::string& stage) {
    return {{"version", LAPATLAS_VERSION},
            {"stage", stage},
            {"seed", std::to_string(config.runtime.seed)},
            {"num_ranks", std::to_string(comm.size())},
            {"command",
             "mpirun -n " + std::to_string(comm.size()) + " lapatlas " + stage + " " + config.output.dir},
            {"config", dump_config(config)}};
}

}  // namespace lapatlas
