#pragma once

#include <filesystem>
#include <string>

#include "dist/communicator.hpp"
#include "dist/log.hpp"
#include "src/config/options.hpp"
#include "src/evaluate/evaluation.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Rank-local. A prepared dataset's training and test cells beside the generated cells of an .h5ad. Training
/// cells beyond `most_training_cells` are thinned evenly: they only fit the PCA and the neighbour search.
/// InputError where the generated genes are not those of the dataset, or labels are unknown.
EvaluationInput load_evaluation_input(const std::filesystem::path& prepared,
                                      const std::filesystem::path& generated, const Config& config,
                                      std::int64_t most_training_cells = 50000);

/// Of every option that decides the figures: equal means "already done".
std::string evaluate_fingerprint(const Config& config);

/// How an evaluation names the file it is of, from whatever folder it is called.
std::string evaluated_name(const std::filesystem::path& generated);

/// Collective. The `evaluate` stage: figures of `generated` against the run's test cells into evaluation.json
/// and a table on the terminal.
EvaluationResult evaluate_run(const Communicator& comm, const Config& config, const RunFolder& run,
                              const std::filesystem::path& generated, const std::filesystem::path& output,
                              Log& log);

}  // namespace lapatlas
