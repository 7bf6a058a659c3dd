#include "src/evaluate_run.hpp"

#include <algorithm>

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "dist/error.hpp"
#include "src/config/config.hpp"
#include "src/evaluate/evaluation_output.hpp"
#include "src/generate/generate.hpp"
#include "src/io/atlas_reader.hpp"
#include "src/io/prepared_file.hpp"
#include "src/preprocess/filter.hpp"

namespace lapatlas {

namespace {

template <class T>
std::vector<T> chosen_values(const std::vector<T>& values, const std::vector<std::uint8_t>& chosen) {
    std::vector<T> out;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (chosen[i] != 0) out.push_back(values[i]);
    return out;
}

/// Codes of the generated file's labels in terms of the dataset's.
std::vector<std::int32_t> translate(const AtlasShard& generated, const std::vector<std::string>& names,
                                    const std::filesystem::path& path) {
    std::vector<std::int32_t> code_of;
    for (const std::string& name : generated.label_names) {
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end())
            throw InputError(path.string() + ": type '" + name + "' is not one of the run's types");
        code_of.push_back(static_cast<std::int32_t>(found - names.begin()));
    }
    std::vector<std::int32_t> labels;
    for (const std::int32_t label : generated.labels)
        labels.push_back(label < 0 ? -1 : code_of[static_cast<std::size_t>(label)]);
    return labels;
}

}  // namespace

EvaluationInput load_evaluation_input(const std::filesystem::path& prepared,
                                      const std::filesystem::path& generated, const Config& config,
                                      std::int64_t most_training_cells) {
    const PreparedSummary summary = read_prepared_summary(prepared);
    const IndexMap whole(summary.cluster_offsets, std::vector<int>(summary.cluster_offsets.size() - 1, 0), 1);
    PreparedRows train = read_prepared_rows(prepared, summary, whole, 0);
    HeldoutRows heldout = read_heldout_rows(prepared, summary, whole, 0);
    EvaluationInput input;
    input.label_names = summary.label_names;
    input.target_sum = config.prepare.target_sum;
    input.unconditional = config.generate.guidance == -1 || summary.label_names.empty();

    std::vector<std::uint8_t> chosen(train.labels.size(), 1);
    const std::int64_t total = summary.num_train;
    if (total > most_training_cells)
        for (std::int64_t r = 0; r < total; ++r)
            chosen[static_cast<std::size_t>(r)] =
                r * most_training_cells / total != (r + 1) * most_training_cells / total ? 1 : 0;
    input.train = select_rows(train.counts, chosen);
    input.train_labels = chosen_values(train.labels, chosen);

    std::vector<std::uint8_t> is_test;
    for (const std::int8_t split : heldout.splits) is_test.push_back(split == 2 ? 1 : 0);
    input.test = select_rows(heldout.counts, is_test);
    input.test_labels = chosen_values(heldout.labels, is_test);

    InputOptions source;
    source.path = generated.string();
    source.layer = std::string("X");
    if (!summary.label_names.empty()) source.label_key = config.input.label_key;
    Log silent = Log::silent();
    AtlasShard atlas = read_atlas(Communicator::self(), source, silent);
    if (atlas.gene_names != summary.gene_names)
        throw InputError(generated.string() + ": its genes are not those of " + prepared.string());
    input.generated_labels = translate(atlas, summary.label_names, generated);
    input.generated = std::move(atlas.counts);
    return input;
}

std::string evaluate_fingerprint(const Config& config) {
    std::string text = generate_fingerprint(config);
    for (const auto& [name, value] : list_options(config))
        if (name.starts_with("evaluate.")) text += name + "=" + value + ";";
    return text;
}

std::string evaluated_name(const std::filesystem::path& generated) {
    return std::filesystem::absolute(generated).lexically_normal().string();
}

EvaluationResult evaluate_run(const Communicator& comm, const Config& config, const RunFolder& run,
                              const std::filesystem::path& generated, const std::filesystem::path& output,
                              Log& log) {
    log.stage("evaluate " + generated.string());
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        if (!std::filesystem::exists(generated))
            throw InputError(generated.string() + ": no such file; make it with `lapatlas generate " +
                             run.dir.string() + "`");
        require_writable(output);
    });
    const EvaluationInput input = agreed(comm, [&] {
        return comm.is_root() ? load_evaluation_input(run.prepared(), generated, config) : EvaluationInput{};
    });
    EvaluationResult result =
        evaluate(comm, input, config.evaluate, static_cast<std::uint64_t>(config.runtime.seed), log);
    for (const auto& [name, value] : provenance_of(comm, config, "evaluate"))
        result.provenance.emplace_back(name, value);
    result.provenance.emplace_back("generated", evaluated_name(generated));
    result.provenance.emplace_back("weights_id", agreed(comm, [&] {
                                       return comm.is_root() ? weights_id_of_atlas(generated) : std::string();
                                   }));
    result.provenance.emplace_back("fingerprint", evaluate_fingerprint(config));
    agreed(comm, [&] {
        if (comm.is_root()) write_evaluation_json(output, result);
    });
    return result;
}

}  // namespace lapatlas
