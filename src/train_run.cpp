#include "src/train_run.hpp"

#include "src/generate/scorer_training.hpp"
#include "src/train/trainer.hpp"

namespace lapatlas {

void train_run(const std::shared_ptr<const Backend>& backend, const Config& config, const RunFolder& run,
               Log& log) {
    const auto provenance = provenance_of(backend->comm(), config, "train");
    train(backend, config, run.dir, provenance, log);
    train_scorer(backend, config, run.prepared(), run.checkpoint(), provenance, log);
}

}  // namespace lapatlas
