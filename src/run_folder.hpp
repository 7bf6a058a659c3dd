#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"

namespace lapatlas {

class Backend;

/// The files of one run.
struct RunFolder {
    std::filesystem::path dir;
    std::filesystem::path config() const { return dir / "config.toml"; }
    std::filesystem::path prepared() const { return dir / "prepared.h5"; }
    std::filesystem::path checkpoint() const { return dir / "checkpoints" / "last.h5"; }
    std::filesystem::path metrics() const { return dir / "metrics.csv"; }
    std::filesystem::path atlas() const { return dir / "atlas.h5ad"; }
    std::filesystem::path evaluation() const { return dir / "evaluation.json"; }
    std::filesystem::path report() const { return dir / "report.html"; }
    std::filesystem::path status() const { return dir / "status.json"; }
    std::filesystem::path history() const { return dir / "history.jsonl"; }
};

/// Collective. Makes the folder, if need be, and checks that it can be written to; returns whether it was
/// made. ConfigError where it holds data prepared or a model trained with other options: nothing already made
/// is overwritten by another run.
bool open_run_folder(const Communicator& comm, const RunFolder& run, const Config& config);

/// Collective. `config` with what the size of the data that the folder holds decides filled in; as it is
/// where nothing is prepared.
Config derived_for(const Communicator& comm, const RunFolder& run, const Config& config);

/// Collective. Writes the resolved configuration into the folder.
void keep_config(const Communicator& comm, const RunFolder& run, const Config& config);

/// Collective. The `prepare` stage in a run's folder; returns the configuration it was prepared with. When it
/// fails on input, a folder made for it is removed again.
Config prepare_run(const Backend& backend, const RunFolder& run, const Config& config, Log& log);

/// Collective. Once a run's folder is there, its status.json says what `command` is at.
void keep_status(const Communicator& comm, const RunFolder& run, const std::string& command, Log& log);

/// What every output carries: version, whole configuration, seed, rank count, the command to repeat it.
std::map<std::string, std::string> provenance_of(const Communicator& comm, const Config& config,
                                                 const std::string& stage);

}  // namespace lapatlas
