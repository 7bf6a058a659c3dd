#include "src/evaluate_run.hpp"

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "dist/memory_use.hpp"
#include "src/config/config.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/evaluate/protein_output.hpp"
#include "src/evaluate_input.hpp"
#include "src/generate/generate.hpp"
#include "src/heldout_latents.hpp"

namespace lapatlas {

std::string evaluate_fingerprint(const Config& config) {
    std::string text = generate_fingerprint(config);
    for (const auto& [name, value] : list_options(config))
        if (name.starts_with("evaluate.") && name != "evaluate.write_draws") text += name + "=" + value + ";";
    return text;
}

std::string evaluated_name(const std::filesystem::path& generated) {
    return std::filesystem::absolute(generated).lexically_normal().string();
}

namespace {

std::filesystem::path proteins_beside(std::filesystem::path json) {
    return json.replace_extension(".proteins.json");
}

/// Collective. The figures of `input`, with where they come from, written as JSON and as CSV beside it.
EvaluationResult evaluate_and_write(const Communicator& comm, const Config& config,
                                    const EvaluationInput& input, const std::filesystem::path& generated,
                                    const std::string& reference, const std::filesystem::path& output,
                                    Log& log) {
    EvaluationResult result =
        evaluate(comm, input, config.evaluate, static_cast<std::uint64_t>(config.runtime.seed), log);
    for (const auto& [name, value] : provenance_of(comm, config, "evaluate"))
        result.provenance.emplace_back(name, value);
    result.provenance.emplace_back("generated", evaluated_name(generated));
    result.provenance.emplace_back("reference", reference);
    result.provenance.emplace_back("weights_id", agreed(comm, [&] {
                                       return comm.is_root() ? weights_id_of_atlas(generated) : std::string();
                                   }));
    result.provenance.emplace_back("fingerprint", evaluate_fingerprint(config));
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        if (!input.protein_names.empty())
            write_protein_figures(proteins_beside(output), input, result.provenance);
        write_evaluation_json(output, result);
        write_evaluation_csv(csv_beside(output), result);
    });
    return result;
}

/// Collective.
void require_files(const Communicator& comm, const std::filesystem::path& generated,
                   const std::string& advice, const std::filesystem::path& output) {
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        if (!std::filesystem::exists(generated))
            throw InputError(generated.string() + ": no such file" + advice);
        require_writable(output);
        require_writable(csv_beside(output));
    });
}

}  // namespace

std::filesystem::path csv_beside(std::filesystem::path json) { return json.replace_extension(".csv"); }

EvaluationResult evaluate_run(const Communicator& comm, const Config& config, const RunFolder& run,
                              const std::filesystem::path& generated, const std::filesystem::path& output,
                              Log& log) {
    const StageMemory memory;
    log.stage("evaluate " + generated.string());
    require_files(comm, generated, "; make it with `lapatlas generate " + run.dir.string() + "`", output);
    const EvaluationInput input = input_of_prepared(
        comm, config, run.prepared(), heldout_latent_distances(comm, config, run, generated), generated, log);
    EvaluationResult result =
        evaluate_and_write(comm, config, input, generated, evaluated_name(run.prepared()), output, log);
    log.info(memory.text(comm));
    return result;
}

EvaluationResult evaluate_files(const Communicator& comm, const Config& config,
                                const std::filesystem::path& generated, const std::filesystem::path& output,
                                Log& log) {
    log.stage("evaluate " + generated.string() + " against " + config.input.path);
    require_files(comm, generated, "", output);
    const EvaluationInput input = input_of_files(comm, config, generated, log);
    log.info(
        "a generator that was trained on the test cells here cannot be judged by these figures; a split "
        "that it kept to is given by input.split_key");
    return evaluate_and_write(comm, config, input, generated, evaluated_name(config.input.path), output, log);
}

}  // namespace lapatlas
