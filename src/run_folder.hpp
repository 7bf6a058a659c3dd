#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "dist/communicator.hpp"
#include "src/config/options.hpp"

namespace lapatlas {

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
};

/// Collective. Makes the folder and writes the resolved configuration into it. ConfigError where the folder holds a
/// prepared dataset or a model of another configuration: nothing already made is overwritten by another run.
void open_run_folder(const Communicator& comm, const RunFolder& run, const Config& config);

/// What every output carries: version, whole configuration, seed, rank count, the command to repeat it.
std::map<std::string, std::string> provenance_of(const Communicator& comm, const Config& config,
                                                 const std::string& stage);

}  // namespace lapatlas
