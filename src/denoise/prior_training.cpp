#include "src/denoise/prior_training.hpp"

#include <algorithm>
#include <cstdio>
#include <span>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/error.hpp"
#include "dist/fnv1a.hpp"
#include "dist/stop_request.hpp"
#include "dist/timer.hpp"
#include "src/config/config.hpp"
#include "src/train/checkpoint_writer.hpp"

namespace lapatlas {

namespace {

/// Of what decides the prior: options, the reference's latents and labels.
std::string fingerprint_of(const Config& config, const ReferenceLatents& reference) {
    std::string text;
    for (const auto& [name, value] : list_options(config))
        for (const char* of_prior :
             {"denoise.width", "denoise.blocks", "denoise.epochs", "denoise.batch", "denoise.learning_rate",
              "denoise.weight_decay", "denoise.mixup", "denoise.diffusion_steps", "denoise.first_beta",
              "denoise.last_beta", "runtime.seed"})
            if (name == of_prior) text += name + "=" + value + ";";
    const std::uint64_t of_values = fnv1a(std::span<const float>(reference.values));
    return text +
           "latents=" + std::to_string(fnv1a(std::span<const std::int32_t>(reference.labels), of_values));
}

/// Trains the prior to its end, from where it was left.
class PriorTraining {
  public:
    PriorTraining(const Communicator& comm, const Config& config, std::filesystem::path path,
                  const std::map<std::string, std::string>& provenance, const ReferenceLatents& reference,
                  Log& log)
        : comm_(comm),
          config_(config),
          path_(std::move(path)),
          fingerprint_(fingerprint_of(config, reference)),
          writer_(path_, 1, provenance),
          log_(log) {}

    const std::string& fingerprint() const { return fingerprint_; }

    void go(LatentPrior& prior) {
        resume(prior);
        if (prior.is_complete()) {
            log_.info("the prior is already there: " + path_.string());
            return;
        }
        log_.stage("train the prior: " + std::to_string(prior.num_steps()) + " steps");
        Log::Progress progress(log_, "prior", "steps", prior.num_steps());
        double mean_loss = 1;
        while (!prior.is_complete()) {
            mean_loss += 0.05 * (prior.step() - mean_loss);
            char text[64];
            std::snprintf(text, sizeof text, "loss %.4f", mean_loss);
            progress.update(prior.steps_done(), text);
            save_or_stop_when_due(prior);
        }
        save(prior);
        agreed(comm_, [&] { writer_.finish(); });
    }

  private:
    void resume(LatentPrior& prior) {
        agreed(comm_, [&] {
            if (comm_.is_root()) std::filesystem::create_directories(path_.parent_path());
        });
        const bool is_there = root_decides(comm_, [&] {
            const auto found = newest_checkpoint(path_);
            if (found && found->status.fingerprint != fingerprint_)
                throw ConfigError(
                    path_.string() +
                    " is a prior of another reference or other options; choose another output.dir, "
                    "or remove it");
            return found.has_value();
        });
        if (!is_there) return;
        const Checkpoint checkpoint = agreed(comm_, [&] { return read_checkpoint(path_); });
        agreed(comm_, [&] { prior.restore(checkpoint); });
        if (!prior.is_complete())
            log_.info("goes on from " + path_.string() + ": " + std::to_string(prior.steps_done()) +
                      " steps done");
    }

    void save(LatentPrior& prior) {
        Checkpoint checkpoint;
        checkpoint.config = dump_config(config_);
        checkpoint.fingerprint = fingerprint_;
        prior.store(checkpoint);
        agreed(comm_, [&] {
            if (comm_.is_root()) writer_.write(std::move(checkpoint));
        });
        since_save_ = Timer();
    }

    /// The root's clock decides for all when to save; word to stop may come to any rank.
    void save_or_stop_when_due(LatentPrior& prior) {
        constexpr int kSave = 1;
        const bool due = since_save_.seconds() > 60 * config_.train.checkpoint_minutes;
        const int word =
            all_reduce_max(comm_, std::max(StopRequest::word(), comm_.is_root() && due ? kSave : 0));
        if (word == 0 || prior.is_complete()) return;
        save(prior);
        if (word == kSave) return;
        agreed(comm_, [&] { writer_.finish(); });
        throw Stopped("training of the prior stopped by " + StopRequest::text(word) + " after step " +
                      std::to_string(prior.steps_done()) + " of " + std::to_string(prior.num_steps()) + "; " +
                      path_.string() + " holds them: the same command goes on from there");
    }

    Communicator comm_;
    const Config& config_;
    std::filesystem::path path_;
    std::string fingerprint_;
    CheckpointWriter writer_;
    Log& log_;
    Timer since_save_;
};

}  // namespace

std::string train_prior(const Communicator& comm, const Config& config, const std::filesystem::path& path,
                        const std::map<std::string, std::string>& provenance,
                        const ReferenceLatents& reference, LatentPrior& prior, Log& log) {
    PriorTraining training(comm, config, path, provenance, reference, log);
    training.go(prior);
    return training.fingerprint();
}

}  // namespace lapatlas
