#include "src/evaluate/evaluation_output.hpp"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dist/durable_file.hpp"
#include "dist/error.hpp"

namespace lapatlas {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kFormat = "lapatlas-evaluation";
constexpr int kVersion = 1;

Json to_json(const Spread& spread) {
    return {{"mean", spread.mean ? Json(*spread.mean) : Json()},
            {"sd", spread.sd ? Json(*spread.sd) : Json()}};
}
Spread spread_from(const Json& json) {
    Spread spread;
    if (!json.at("mean").is_null()) spread.mean = json.at("mean").get<double>();
    if (!json.at("sd").is_null()) spread.sd = json.at("sd").get<double>();
    return spread;
}

Json to_json(const std::vector<Figure>& figures) {
    Json json = Json::object();
    for (const Figure& figure : figures)
        json[figure.key] = {{"title", figure.title},
                            {"space", figure.space},
                            {"generated", to_json(figure.generated)},
                            {"floor", to_json(figure.floor)}};
    return json;
}
std::vector<Figure> figures_from(const Json& json) {
    std::vector<Figure> figures;
    for (const auto& [key, figure] : json.items())
        figures.push_back({key, figure.at("title").get<std::string>(), figure.at("space").get<std::string>(),
                           spread_from(figure.at("generated")), spread_from(figure.at("floor"))});
    return figures;
}

/// Pictures need no more than four digits.
Json rounded(const std::vector<double>& values) {
    Json json = Json::array();
    for (const double value : values) json.push_back(std::round(value * 1e4) / 1e4);
    return json;
}

std::string padded(const std::string& text, std::size_t width) {
    // Continuation bytes of UTF-8 take no room.
    std::size_t shown = 0;
    for (const char c : text) shown += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return text + std::string(shown < width ? width - shown : 0, ' ');
}

std::string row(const std::string& title, const std::string& space, const std::string& generated,
                const std::string& floor) {
    return padded(title, 41) + padded(space, 22) + padded(generated, 18) + floor + "\n";
}

}  // namespace

void write_evaluation_json(const std::filesystem::path& path, const EvaluationResult& result) {
    Json types = Json::array();
    for (const TypeFigures& type : result.types)
        types.push_back({{"name", type.name},
                         {"test_cells", type.test_cells},
                         {"cells_a_side", type.cells_a_side},
                         {"scored", type.scored},
                         {"figures", to_json(type.figures)}});
    Json provenance = Json::object();
    for (const auto& [key, value] : result.provenance) provenance[key] = value;
    const EvaluationPictures& pictures = result.pictures;
    const Json json{{"format", kFormat},
                    {"version", kVersion},
                    {"cells",
                     {{"train", result.train_cells},
                      {"test", result.test_cells},
                      {"generated", result.generated_cells},
                      {"a_side", result.cells_a_side}}},
                    {"genes", result.genes},
                    {"halvings", result.halvings},
                    {"min_type_cells", result.min_type_cells},
                    {"figures", to_json(result.figures)},
                    {"types", types},
                    {"warnings", result.warnings},
                    {"provenance", provenance},
                    {"pictures",
                     {{"label_names", pictures.label_names},
                      {"test",
                       {{"pc1", rounded(pictures.test_x)},
                        {"pc2", rounded(pictures.test_y)},
                        {"labels", pictures.test_labels},
                        {"gene_mean", rounded(pictures.test_mean)},
                        {"gene_zero_fraction", rounded(pictures.test_zero_fraction)}}},
                      {"generated",
                       {{"pc1", rounded(pictures.generated_x)},
                        {"pc2", rounded(pictures.generated_y)},
                        {"labels", pictures.generated_labels},
                        {"gene_mean", rounded(pictures.generated_mean)},
                        {"gene_zero_fraction", rounded(pictures.generated_zero_fraction)}}}}}};
    require_writable(path);
    // Names from a file may hold bytes that are no UTF-8: replaced, so that the JSON stays readable.
    write_whole_file(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n');
}

EvaluationResult read_evaluation_json(const std::filesystem::path& path) {
    std::ifstream file(path);
    if (!file) throw InputError("cannot read " + path.string() + ": run `lapatlas evaluate` first");
    try {
        const Json json = Json::parse(file);
        if (json.at("format") != kFormat || json.at("version") != kVersion)
            throw InputError(path.string() +
                             " is no evaluation of this version: run `lapatlas evaluate` again");
        EvaluationResult result;
        const Json& cells = json.at("cells");
        result.train_cells = cells.at("train");
        result.test_cells = cells.at("test");
        result.generated_cells = cells.at("generated");
        result.cells_a_side = cells.at("a_side");
        result.genes = json.at("genes");
        result.halvings = json.at("halvings");
        result.min_type_cells = json.at("min_type_cells");
        result.figures = figures_from(json.at("figures"));
        for (const Json& type : json.at("types"))
            result.types.push_back({type.at("name"), type.at("test_cells"), type.at("cells_a_side"),
                                    type.at("scored"), figures_from(type.at("figures"))});
        json.at("warnings").get_to(result.warnings);
        for (const auto& [key, value] : json.at("provenance").items())
            result.provenance.emplace_back(key, value.get<std::string>());
        const Json& pictures = json.at("pictures");
        pictures.at("label_names").get_to(result.pictures.label_names);
        const Json &test = pictures.at("test"), &generated = pictures.at("generated");
        test.at("pc1").get_to(result.pictures.test_x);
        test.at("pc2").get_to(result.pictures.test_y);
        test.at("labels").get_to(result.pictures.test_labels);
        test.at("gene_mean").get_to(result.pictures.test_mean);
        test.at("gene_zero_fraction").get_to(result.pictures.test_zero_fraction);
        generated.at("pc1").get_to(result.pictures.generated_x);
        generated.at("pc2").get_to(result.pictures.generated_y);
        generated.at("labels").get_to(result.pictures.generated_labels);
        generated.at("gene_mean").get_to(result.pictures.generated_mean);
        generated.at("gene_zero_fraction").get_to(result.pictures.generated_zero_fraction);
        return result;
    } catch (const nlohmann::json::exception& problem) {
        throw InputError(path.string() + " is not a whole evaluation (" + problem.what() +
                         "): run `lapatlas evaluate` again");
    }
}

std::string spread_text(const Spread& spread) {
    if (!spread.mean) return "n/a";
    char text[64];
    if (spread.sd)
        std::snprintf(text, sizeof text, "%.3f ± %.3f", *spread.mean, *spread.sd);
    else
        std::snprintf(text, sizeof text, "%.3f", *spread.mean);
    return text;
}

std::string evaluation_table(const EvaluationResult& result) {
    std::string table = row("figure", "space", "generated", "floor (real)");
    table += std::string(94, '-') + "\n";
    for (const Figure& figure : result.figures)
        table += row(figure.title, figure.space, spread_text(figure.generated), spread_text(figure.floor));
    if (!result.types.empty()) table += "\n";
    for (const TypeFigures& type : result.types) {
        if (!type.scored)
            table += padded(type.name, 41) + "not scored: " + std::to_string(type.cells_a_side) +
                     " cells a side\n";
        for (const Figure& figure : type.figures)
            if (figure.key == "rf_auc" || figure.key == "w2")
                table +=
                    row(type.name, figure.title, spread_text(figure.generated), spread_text(figure.floor));
    }
    return table;
}

}  // namespace lapatlas
