#pragma once

#include <filesystem>
#include <string>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/evaluate/evaluation.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Of every option that decides the figures: equal means "already done".
std::string evaluate_fingerprint(const Config& config);

/// How an evaluation names the file it is of, from whatever folder it is called.
std::string evaluated_name(const std::filesystem::path& generated);

/// Collective. The `evaluate` stage: figures of `generated` against the run's test cells into `output` (JSON)
/// and a CSV beside it.
EvaluationResult evaluate_run(const Communicator& comm, const Config& config, const RunFolder& run,
                              const std::filesystem::path& generated, const std::filesystem::path& output,
                              Log& log);

/// Collective. The same of any two files of counts, ours or not: `generated` against the cells of
/// config.input that its split holds out.
EvaluationResult evaluate_files(const Communicator& comm, const Config& config,
                                const std::filesystem::path& generated, const std::filesystem::path& output,
                                Log& log);

/// Where the table of an evaluation goes: evaluation.json has evaluation.csv beside it.
std::filesystem::path csv_beside(std::filesystem::path json);

}  // namespace lapatlas
