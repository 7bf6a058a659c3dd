#include "src/evaluate/protein_output.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "dist/durable_file.hpp"
#include "src/evaluate/protein_figures.hpp"

namespace lapatlas {

namespace {

nlohmann::json number(double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json both(double generated, double floor) {
    return {{"generated", number(generated)}, {"floor", number(floor)}};
}

}  // namespace

void write_protein_figures(const std::filesystem::path& path, const EvaluationInput& input,
                           const std::vector<std::pair<std::string, std::string>>& provenance) {
    const ProteinCells test{input.test, input.test_proteins};
    const ProteinFigures generated =
        compare_proteins(test, {input.generated, input.generated_proteins}, input.target_sum);
    const ProteinFigures floor =
        compare_proteins(test, {input.train, input.train_proteins}, input.target_sum);
    nlohmann::json proteins = nlohmann::json::array();
    for (std::size_t p = 0; p < input.protein_names.size(); ++p)
        proteins.push_back({{"name", input.protein_names[p]},
                            {"wasserstein", both(generated.wasserstein.at(p), floor.wasserstein.at(p))}});
    nlohmann::json from = nlohmann::json::object();
    for (const auto& [name, value] : provenance) from[name] = value;
    const nlohmann::json all = {
        {"format", "lapatlas-protein-figures"},
        {"mean_pcc", both(generated.mean_pcc, floor.mean_pcc)},
        {"protein_protein_pcc", both(generated.protein_protein_pcc, floor.protein_protein_pcc)},
        {"protein_gene_pcc", both(generated.protein_gene_pcc, floor.protein_gene_pcc)},
        {"proteins", proteins},
        {"provenance", from}};
    write_whole_file(path, all.dump(2) + '\n');
}

}  // namespace lapatlas
