// The `train` stage: loops, validation, metrics, checkpoints.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/memory_use.hpp"
#include "dist/staged_file.hpp"
#include "dist/stop_request.hpp"
#include "dist/timer.hpp"
#include "src/train/checkpoint_writer.hpp"
#include "src/train/trainer.hpp"

namespace lapatlas {

namespace {

/// Sums of the steps since the last row of metrics.
class Window {
  public:
    void add(const StepResult& step) {
        sums_.reconstruction += step.terms.reconstruction;
        sums_.kl += step.terms.kl;
        sums_.diffusion += step.terms.diffusion;
        loss_ += step.loss;
        gradient_norm_ += step.gradient_norm;
        learning_rate_ = step.learning_rate;
        cells_ += step.num_cells;
        ++steps_;
    }
    MetricsRow row(const std::string& phase, std::int64_t step) const {
        const auto n = static_cast<double>(steps_);
        MetricsRow row = empty_metrics(phase, step);
        row.diffusion = sums_.diffusion / n;
        if (phase == "joint") {
            row.reconstruction = sums_.reconstruction / n;
            row.kl = sums_.kl / n;
        }
        row.loss = loss_ / n;
        row.gradient_norm = gradient_norm_ / n;
        row.learning_rate = learning_rate_;
        row.cells_per_second = static_cast<double>(cells_) / timer_.seconds();
        return row;
    }

    /// What came before the first step is not in its rate.
    void start_clock() { timer_ = Timer(); }

    /// With a checkpoint between two rows: the next row is then what it would have been, but for the rate.
    void store(Checkpoint& checkpoint) const {
        if (steps_ == 0) return;
        const auto put = [&](const char* name, double value) {
            checkpoint.numbers[std::string("window_") + name] = value;
        };
        put("reconstruction", sums_.reconstruction);
        put("kl", sums_.kl);
        put("diffusion", sums_.diffusion);
        put("loss", loss_);
        put("gradient_norm", gradient_norm_);
        put("learning_rate", learning_rate_);
        put("steps", static_cast<double>(steps_));
    }
    void restore(const Checkpoint& checkpoint) {
        if (!checkpoint.numbers.contains("window_steps")) return;
        const auto get = [&](const char* name) {
            return checkpoint.numbers.at(std::string("window_") + name);
        };
        sums_.reconstruction = get("reconstruction");
        sums_.kl = get("kl");
        sums_.diffusion = get("diffusion");
        loss_ = get("loss");
        gradient_norm_ = get("gradient_norm");
        learning_rate_ = get("learning_rate");
        steps_ = static_cast<std::int64_t>(get("steps"));
    }

  private:
    LossTerms sums_;
    double loss_ = 0, gradient_norm_ = 0, learning_rate_ = 0;
    std::int64_t cells_ = 0, steps_ = 0;
    Timer timer_;
};

std::string text(const char* format, double a, double b) {
    char line[128];
    std::snprintf(line, sizeof line, format, a, b);
    return line;
}

/// One training run's folder and clock.
class Run {
  public:
    Run(const std::shared_ptr<const Backend>& backend, const Config& config,
        const std::filesystem::path& run_dir, const std::filesystem::path& prepared,
        const std::map<std::string, std::string>& provenance, Log& log)
        : comm_(backend->comm()),
          last_(run_dir / "checkpoints" / "last.h5"),
          metrics_path_(run_dir / "metrics.csv"),
          log_(log),
          trainer_(backend, config, prepared),
          config_(trainer_.config()),
          writer_(last_, config_.train.keep_checkpoints, provenance) {}

    void go() {
        resume();
        if (trainer_.is_complete()) {
            log_.info("training is complete: nothing left to do");
            if (last_is_whole_) return;
        } else {
            joint_phase();
            score_phase();
            classifier_phase();
        }
        // A model may have nothing to train but what its latents leave to the end.
        trainer_.freeze();
        save();
        finish_saving();
    }

  private:
    void resume() {
        std::string found = agreed(comm_, [&] { return comm_.is_root() ? newest() : std::string(); });
        broadcast(comm_, found);
        if (!found.empty()) {
            const Checkpoint checkpoint = agreed(comm_, [&] { return read_checkpoint(found); });
            trainer_.restore(checkpoint, found);
            window_.restore(checkpoint);
            last_is_whole_ = found == last_;
            log_.info("goes on from " + found + ": " + std::to_string(trainer_.joint_steps_done()) +
                      " joint and " + std::to_string(trainer_.score_steps_done()) + " score steps done");
        }
        agreed(comm_, [&] {
            if (!comm_.is_root()) return;
            std::filesystem::create_directories(last_.parent_path());
            metrics_ = std::make_unique<MetricsFile>(metrics_path_, trainer_.joint_steps_done(),
                                                     trainer_.score_steps_done());
        });
    }

    /// The newest readable checkpoint, or none; says why others were not taken.
    std::string newest() {
        const auto found = newest_checkpoint(last_);
        if (!found) return {};
        for (const std::string& why : found->skipped) log_.warning("skipped: " + why);
        if (found->skipped.empty() && found->path != last_)
            log_.warning("skipped: " + last_.string() + ": not there");
        return found->path;
    }

    void joint_phase() {
        if (trainer_.joint_steps_done() == trainer_.joint_steps()) return;
        const std::string& embedding = config_.model.embedding;
        log_.stage("train " + (embedding == "laplacian" ? "encoder, decoder and ScoreNet" : embedding) +
                   ": " + std::to_string(trainer_.joint_steps()) + " steps, " +
                   std::to_string(trainer_.steps_an_epoch()) + " an epoch");
        // Blocks of a whole graph's cells are large; those of clusters are not.
        std::optional<ReusedMemory> reused;
        if (config_.train.batch == "full") reused.emplace();
        Log::Progress progress(log_, "joint", "steps", trainer_.joint_steps());
        window_.start_clock();
        while (trainer_.joint_steps_done() < trainer_.joint_steps()) {
            const StepResult step = trainer_.joint_step();
            window_.add(step);
            const std::int64_t done = trainer_.joint_steps_done();
            progress.update(done,
                            text("reconstruction %.1f, KL %.2f", step.terms.reconstruction, step.terms.kl));
            if (done % trainer_.steps_an_epoch() == 0) {
                record_epoch(done);
                window_ = Window();
            }
            save_or_stop_when_due();
        }
        save();
    }

    void record_epoch(std::int64_t done) {
        MetricsRow row = window_.row("joint", done);
        const std::int64_t epoch = done / trainer_.steps_an_epoch();
        row.epoch = static_cast<double>(epoch);
        row.edges_changed = trainer_.edges_changed();
        row.halo_wait_seconds = trainer_.halo().exposed_seconds;
        row.reduce_wait_seconds = trainer_.reduce_wait_seconds();
        const std::int64_t every = config_.train.validate_every;
        if (every > 0 && (epoch % every == 0 || done == trainer_.joint_steps())) {
            const Validation validation = trainer_.validate();
            row.validation_reconstruction = validation.reconstruction;
            row.validation_kl = validation.kl;
        }
        append(row);
    }

    void score_phase() {
        if (trainer_.score_steps_done() == config_.train.score_steps) return;
        log_.stage("train the ScoreNet on frozen latents: " + std::to_string(config_.train.score_steps) +
                   " steps");
        Log::Progress progress(log_, "score", "steps", config_.train.score_steps);
        window_.start_clock();
        while (trainer_.score_steps_done() < config_.train.score_steps) {
            const StepResult step = trainer_.score_step();
            window_.add(step);
            const std::int64_t done = trainer_.score_steps_done();
            progress.update(done,
                            text("diffusion %.4f, rate %.1e", step.terms.diffusion, step.learning_rate));
            if (done % 100 == 0 || done == config_.train.score_steps) {
                append(window_.row("score", done));
                window_ = Window();
            }
            save_or_stop_when_due();
        }
    }

    void classifier_phase() {
        if (!trainer_.needs_classifier()) return;
        log_.stage("train the classifier of noisy latents");
        ClassifierPhase& classifier = trainer_.classifier();
        Log::Progress progress(log_, "classifier", "epochs", config_.train.classifier_epochs);
        ClassifierPhase::Epoch epoch;
        while (trainer_.needs_classifier()) {
            epoch = classifier.epoch();
            progress.update(classifier.epochs_done(),
                            text("loss %.3f, of validation cells %.3f", epoch.loss, epoch.validation_loss));
            save_or_stop_when_due();
        }
        if (std::isfinite(epoch.validation_accuracy))
            log_.info(text("after %.0f epochs it tells the labels of %.1f %% of noisy validation cells",
                           static_cast<double>(classifier.epochs_done()), 100 * epoch.validation_accuracy));
    }

    void append(MetricsRow row) {
        agreed(comm_, [&] {
            if (!comm_.is_root()) return;
            row.seconds = metrics_->seconds_before() + since_start_.seconds();
            row.rank_hours = metrics_->rank_hours_before() + since_start_.seconds() * comm_.size() / 3600;
            metrics_->append(row);
        });
    }

    /// The root's clock decides for all when to save; word to stop may come to any rank.
    void save_or_stop_when_due() {
        constexpr int kSave = 1;
        static_assert(kSave < SIGINT);
        const bool due = since_save_.seconds() > 60 * config_.train.checkpoint_minutes;
        const int word =
            all_reduce_max(comm_, std::max(StopRequest::word(), comm_.is_root() && due ? kSave : 0));
        // At the very end there is nothing to stop any more.
        if (word == 0 || trainer_.is_complete()) return;
        save();
        if (word == kSave) return;
        finish_saving();
        throw Stopped("training stopped by " + StopRequest::text(word) + " after joint step " +
                      std::to_string(trainer_.joint_steps_done()) + " of " +
                      std::to_string(trainer_.joint_steps()) + " and score step " +
                      std::to_string(trainer_.score_steps_done()) + " of " +
                      std::to_string(config_.train.score_steps) + "; " + last_.string() +
                      " holds them: the same command goes on from there");
    }

    void save() {
        Checkpoint snapshot = trainer_.checkpoint();
        window_.store(snapshot);
        agreed(comm_, [&] {
            if (comm_.is_root()) writer_.write(std::move(snapshot));
        });
        since_save_ = Timer();
    }

    void finish_saving() {
        agreed(comm_, [&] { writer_.finish(); });
    }

    Communicator comm_;
    std::filesystem::path last_, metrics_path_;
    Log& log_;
    Trainer trainer_;
    const Config& config_;
    CheckpointWriter writer_;
    Window window_;
    bool last_is_whole_ = false;
    std::unique_ptr<MetricsFile> metrics_;
    Timer since_start_, since_save_;
};

}  // namespace

void train(const std::shared_ptr<const Backend>& backend, const Config& config,
           const std::filesystem::path& run_dir, const std::map<std::string, std::string>& provenance,
           Log& log) {
    const StageMemory memory;
    const StagedFile prepared(backend->comm(), run_dir / "prepared.h5", config.runtime.scratch);
    Run(backend, config, run_dir, prepared.path(), provenance, log).go();
    log.info(memory.text(backend->comm()));
}

}  // namespace lapatlas
