#pragma once

#include <memory>

#include "dist/log.hpp"
#include "src/backend/backend.hpp"
#include "src/config/options.hpp"
#include "src/run_folder.hpp"

namespace lapatlas {

/// Collective. The whole `train` stage: the model (train()), then the Scorer that judges what it generates.
void train_run(const std::shared_ptr<const Backend>& backend, const Config& config, const RunFolder& run,
               Log& log);

}  // namespace lapatlas
