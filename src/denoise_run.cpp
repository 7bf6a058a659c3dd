#include "src/denoise_run.hpp"

#include <cstdio>

#include "dist/agreement.hpp"
#include "dist/durable_file.hpp"
#include "dist/memory_use.hpp"
#include "src/denoise/denoise_figures.hpp"
#include "src/denoise/denoise_input.hpp"
#include "src/denoise/denoiser.hpp"
#include "src/io/h5ad_writer.hpp"

namespace lapatlas {

namespace {

/// Collective. The query over the shared genes, with its latents and labels.
void write_denoised(const Communicator& comm, const std::filesystem::path& output, const DenoiseInput& input,
                    const DenoisedQuery& denoised, const std::string& label_key,
                    const std::map<std::string, std::string>& provenance) {
    H5adHeader header;
    header.gene_names = input.shared.names;
    header.gene_ids = input.shared.ids;
    header.obsm = {{"X_pca", denoised.width}, {"X_dice", denoised.width}, {"X_dice_sd", denoised.width}};
    if (!denoised.aligned.empty()) header.obsm.push_back({"X_pca_aligned", denoised.width});
    for (const auto& [name, value] : provenance) header.uns["lapatlas/" + name] = value;
    H5adRows rows;
    rows.counts = &input.shared.query;
    rows.obsm = {denoised.pca, denoised.dice, denoised.deviation};
    if (!denoised.aligned.empty()) rows.obsm.push_back(denoised.aligned);
    rows.names = input.query.cell_names;
    if (!input.query.label_names.empty()) {
        header.categorical_obs.push_back({label_key, input.query.label_names});
        rows.codes.push_back(input.query.labels);
    }
    if (!input.label_names.empty()) {
        header.categorical_obs.push_back({"predicted_label", input.label_names});
        rows.codes.push_back(denoised.votes.best);
        header.numeric_obs = {"label_entropy"};
        rows.numbers.push_back(denoised.votes.entropy);
        header.obsm.push_back({"label_probability", denoised.votes.num_labels});
        rows.obsm.push_back(denoised.votes.probabilities);
    }
    append_obs_columns(input.query_obs, header, rows);
    H5adWriter writer(comm, output, header, input.query.num_cells);
    writer.append(rows);
    writer.finish();
}

}  // namespace

void denoise_run(const std::shared_ptr<const Backend>& backend, const Config& config, const RunFolder& run,
                 const std::filesystem::path& output, const std::map<std::string, std::string>& provenance,
                 Log& log) {
    const StageMemory memory;
    const Communicator& comm = backend->comm();
    open_run_folder(comm, run, config);
    agreed(comm, [&] {
        if (comm.is_root()) require_writable(output);
    });
    const DenoiseInput input = read_denoise_input(comm, config, log);
    Denoiser denoiser(backend, config, input, run.dir / "denoise" / "prior.h5", provenance, log);
    keep_config(comm, run, config);

    log.stage("denoise " + config.denoise.query);
    const DenoisedQuery denoised = denoiser.denoise(config.denoise, output, log);
    log.stage("write " + output.string());
    write_denoised(comm, output, input, denoised, config.input.label_key, provenance);
    const DenoiseFigures figures =
        judge_query(comm, input, denoised, static_cast<std::uint64_t>(config.runtime.seed));
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        std::filesystem::path beside = output;
        write_denoise_figures(beside.replace_extension(".figures.json"), figures, provenance);
    });
    denoised.store.remove();
    if (comm.is_root()) std::fputs(table_of(figures).c_str(), stdout);
    log.info(memory.text(comm));
}

}  // namespace lapatlas
