// The `train` stage: loops, validation, metrics, checkpoints.
#include <cmath>
#include <cstdio>
#include <optional>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"
#include "dist/durable_file.hpp"
#include "dist/memory_use.hpp"
#include "dist/timer.hpp"
#include "src/train/trainer.hpp"

namespace lapatlas {

namespace {

/// Sums of the steps since the last row of metrics.
class Window {
  public:
    void add(const Trainer::StepResult& step) {
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
        const std::filesystem::path& run_dir, const std::map<std::string, std::string>& provenance, Log& log)
        : comm_(backend->comm()),
          last_(run_dir / "checkpoints" / "last.h5"),
          metrics_path_(run_dir / "metrics.csv"),
          provenance_(provenance),
          log_(log),
          trainer_(backend, config, run_dir / "prepared.h5"),
          config_(trainer_.config()) {}

    void go() {
        resume();
        if (trainer_.is_complete()) {
            log_.info("training is complete: nothing left to do");
            return;
        }
        joint_phase();
        score_phase();
        trainer_.freeze();
        save();
    }

  private:
    void resume() {
        const bool exists = root_decides(comm_, [&] { return std::filesystem::exists(last_); });
        if (exists) {
            const Checkpoint checkpoint = agreed(comm_, [&] { return read_checkpoint(last_); });
            trainer_.restore(checkpoint);
            log_.info("goes on from " + last_.string() + ": " + std::to_string(trainer_.joint_steps_done()) +
                      " joint and " + std::to_string(trainer_.score_steps_done()) + " score steps done");
        }
        agreed(comm_, [&] {
            if (!comm_.is_root()) return;
            std::filesystem::create_directories(last_.parent_path());
            metrics_ = std::make_unique<MetricsFile>(metrics_path_, trainer_.joint_steps_done(),
                                                     trainer_.score_steps_done());
        });
    }

    void joint_phase() {
        if (trainer_.joint_steps_done() == trainer_.joint_steps()) return;
        log_.stage("train encoder, decoder and ScoreNet: " + std::to_string(trainer_.joint_steps()) +
                   " steps, " + std::to_string(trainer_.steps_an_epoch()) + " an epoch");
        // Blocks of a whole graph's cells are large; those of clusters are not.
        std::optional<ReusedMemory> reused;
        if (config_.train.batch == "full") reused.emplace();
        Log::Progress progress(log_, "joint", "steps", trainer_.joint_steps());
        Window window;
        while (trainer_.joint_steps_done() < trainer_.joint_steps()) {
            const Trainer::StepResult step = trainer_.joint_step();
            window.add(step);
            const std::int64_t done = trainer_.joint_steps_done();
            progress.update(done,
                            text("reconstruction %.1f, KL %.2f", step.terms.reconstruction, step.terms.kl));
            if (done % trainer_.steps_an_epoch() == 0) {
                record_epoch(window, done);
                window = Window();
            }
            save_when_due();
        }
        save();
    }

    void record_epoch(const Window& window, std::int64_t done) {
        MetricsRow row = window.row("joint", done);
        const std::int64_t epoch = done / trainer_.steps_an_epoch();
        row.epoch = static_cast<double>(epoch);
        row.edges_changed = trainer_.edges_changed();
        row.halo_wait_seconds = trainer_.halo_wait_seconds();
        row.reduce_wait_seconds = trainer_.reduce_wait_seconds();
        const std::int64_t every = config_.train.validate_every;
        if (every > 0 && (epoch % every == 0 || done == trainer_.joint_steps())) {
            const Trainer::Validation validation = trainer_.validate();
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
        Window window;
        while (trainer_.score_steps_done() < config_.train.score_steps) {
            const Trainer::StepResult step = trainer_.score_step();
            window.add(step);
            const std::int64_t done = trainer_.score_steps_done();
            progress.update(done,
                            text("diffusion %.4f, rate %.1e", step.terms.diffusion, step.learning_rate));
            if (done % 100 == 0 || done == config_.train.score_steps) {
                append(window.row("score", done));
                window = Window();
            }
            save_when_due();
        }
    }

    void append(MetricsRow row) {
        agreed(comm_, [&] {
            if (!comm_.is_root()) return;
            row.seconds = metrics_->seconds_before() + since_start_.seconds();
            row.rank_hours = metrics_->rank_hours_before() + since_start_.seconds() * comm_.size() / 3600;
            metrics_->append(row);
        });
    }

    void save_when_due() {
        // The root's clock decides for all.
        int due = since_save_.seconds() > 60 * config_.train.checkpoint_minutes ? 1 : 0;
        broadcast(comm_, std::span<int>(&due, 1));
        if (due != 0) save();
    }

    void save() {
        const Checkpoint checkpoint = trainer_.checkpoint();
        agreed(comm_, [&] {
            if (comm_.is_root()) write_checkpoint(last_, checkpoint, provenance_);
        });
        since_save_ = Timer();
    }

    Communicator comm_;
    std::filesystem::path last_, metrics_path_;
    std::map<std::string, std::string> provenance_;
    Log& log_;
    Trainer trainer_;
    const Config& config_;
    std::unique_ptr<MetricsFile> metrics_;
    Timer since_start_, since_save_;
};

}  // namespace

void train(const std::shared_ptr<const Backend>& backend, const Config& config,
           const std::filesystem::path& run_dir, const std::map<std::string, std::string>& provenance,
           Log& log) {
    const StageMemory memory;
    Run(backend, config, run_dir, provenance, log).go();
    log.info(memory.text(backend->comm()));
}

}  // namespace lapatlas
