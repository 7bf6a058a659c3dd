#pragma once

#include "src/config/denoise_options.hpp"
#include "src/config/evaluate_options.hpp"
#include "src/config/generate_options.hpp"
#include "src/config/input_options.hpp"
#include "src/config/model_options.hpp"
#include "src/config/prepare_options.hpp"
#include "src/config/run_options.hpp"
#include "src/config/simulate_options.hpp"
#include "src/config/train_options.hpp"
#include "src/config/use_options.hpp"

namespace lapatlas {

/// Every stage's options in one aggregate, a file a stage. Each struct lists its fields once, in describe():
/// that list is the TOML reader, the TOML writer, the command-line overrides and the documentation. Zero
/// means "from the data" where the comment says so.
struct Config {
    InputOptions input;
    OutputOptions output;
    RuntimeOptions runtime;
    SimulateOptions simulate;
    PrepareOptions prepare;
    ModelOptions model;
    TrainOptions train;
    GenerateOptions generate;
    EvaluateOptions evaluate;
    EmbedOptions embed;
    DenoiseOptions denoise;
    SensitivityOptions sensitivity;
    RobustnessOptions robustness;
    PlanOptions plan;
    AblateOptions ablate;

    /// Calls v.section(name, comment, options) for each section, in the order of the flow.
    template <class Visitor>
    void describe(Visitor&& v) {
        v.section("input", "what is read", input);
        v.section("output", "where the run is kept", output);
        v.section("runtime", "how it runs", runtime);
        v.section("simulate", "only for `lapatlas simulate`", simulate);
        v.section("prepare", "counts to graph", prepare);
        v.section("model", "encoder, decoder, ScoreNet", model);
        v.section("train", "losses and schedule", train);
        v.section("generate", "sampling", generate);
        v.section("evaluate", "two-sample figures", evaluate);
        v.section("embed", "only for `lapatlas embed`", embed);
        v.section("denoise", "only for `lapatlas denoise` (DICE)", denoise);
        v.section("sensitivity", "only for `lapatlas sensitivity`", sensitivity);
        v.section("robustness", "only for `lapatlas robustness`", robustness);
        v.section("plan", "only for `lapatlas plan`", plan);
        v.section("ablate", "only for `lapatlas ablate`", ablate);
    }
};

}  // namespace lapatlas
