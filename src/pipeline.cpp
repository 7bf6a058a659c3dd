#include "src/pipeline.hpp"

#include <algorithm>

#include "dist/agreement.hpp"
#include "dist/error.hpp"
#include "dist/hdf5_file.hpp"
#include "dist/stop_request.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/evaluate_run.hpp"
#include "src/generate/generate.hpp"
#include "src/generate/scorer_training.hpp"
#include "src/io/atlas_files.hpp"
#include "src/io/prepared_file.hpp"
#include "src/plan/memory_check.hpp"
#include "src/prepare.hpp"
#include "src/report_run.hpp"
#include "src/run_folder.hpp"
#include "src/run_history.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/trainer.hpp"
#include "src/train_run.hpp"

namespace lapatlas {

bool is_prepared(const RunFolder& run, const Config& config) {
    if (!std::filesystem::exists(run.prepared())) return false;
    const PreparedSummary summary = read_prepared_summary(run.prepared());
    return is_prepared_for(summary.fingerprint, derive_from_size(config, size_of(summary)));
}

bool is_trained(const RunFolder& run, const Config& config) {
    // Where the last one is damaged, training goes on from one before it.
    const auto found = newest_checkpoint(run.checkpoint());
    return found && found->path == run.checkpoint() && found->status.complete &&
           found->status.fingerprint == train_fingerprint(config) &&
           (!config.train.scorer || found->status.scorer_options == scorer_options(config));
}

namespace {

bool is_generated(const RunFolder& run, const Config& config) {
    return is_made_by(written_atlas(run.atlas(), config.generate.shards), generate_fingerprint(config),
                      read_checkpoint_status(run.checkpoint()).weights_id);
}

}  // namespace

bool is_evaluated(const RunFolder& run, const Config& config) {
    if (!std::filesystem::exists(run.evaluation())) return false;
    const EvaluationResult result = read_evaluation_json(run.evaluation());
    const std::filesystem::path atlas = written_atlas(run.atlas(), config.generate.shards);
    const auto& said = result.provenance;
    const auto is = [&](const char* name, const std::string& value) {
        return std::find(said.begin(), said.end(), std::pair{std::string(name), value}) != said.end();
    };
    return is("fingerprint", evaluate_fingerprint(config)) && is("generated", evaluated_name(atlas)) &&
           is("weights_id", weights_id_of_atlas(atlas));
}

void run_pipeline(const std::shared_ptr<const Backend>& backend, const Config& given, Log& log) {
    const Communicator& comm = backend->comm();
    Config config = given;
    if (config.input.split_key.empty() && config.input.test_fraction == 0)
        throw ConfigError(
            "input.test_fraction is 0: `run` ends with an evaluation against held-out cells; call "
            "prepare, train and generate one by one, or hold some out");
    require_possible(*backend, config.train);
    const RunFolder run{config.output.dir};
    const auto provenance = [&](const char* stage) { return provenance_of(comm, config, stage); };
    const auto is_done = [&](auto&& question, const char* stage) {
        const bool done = root_decides(comm, [&] { return question(run, config); });
        if (done) log.stage(std::string(stage) + ": already there, not done again");
        return done;
    };

    const auto stop_if_asked = [&] {
        StopRequest::obey(comm, "stages that are done are kept: the same command goes on from there");
    };

    bool fresh = false;
    if (!is_done(is_prepared, "prepare")) {
        recorded(comm, run, "prepare", log, [&] { config = prepare_run(*backend, run, config, log); });
        fresh = true;
    } else {
        open_run_folder(comm, run, config);
        config = derived_for(comm, run, config);
        keep_config(comm, run, config);
    }
    stop_if_asked();
    if (fresh || !is_done(is_trained, "train")) {
        require_training_memory(*backend, config, run.prepared(), log);
        recorded(comm, run, "train", log, [&] { train_run(backend, config, run, log); });
        fresh = true;
    }
    stop_if_asked();
    if (fresh || !is_done(is_generated, "generate")) {
        recorded(comm, run, "generate", log, [&] {
            generate(backend, config, run.checkpoint(), run.atlas(), provenance("generate"), log);
        });
        fresh = true;
    }
    stop_if_asked();
    if (fresh || !is_done(is_evaluated, "evaluate"))
        recorded(comm, run, "evaluate", log, [&] {
            evaluate_run(comm, config, run, written_atlas(run.atlas(), config.generate.shards),
                         run.evaluation(), log);
        });
    report_run(comm, config, run, run.report(), log);
}

}  // namespace lapatlas
