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
constexpr int kVersion = 2;

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

// The lists of each kind of picture, once for writing and reading: visit(key, list).

template <class Cells, class Visitor>
void visit_cells(Cells& cells, Visitor&& visit) {
    visit("umap1", cells.map_x);
    visit("umap2", cells.map_y);
    visit("counts", cells.counts);
    visit("genes", cells.genes);
    visit("mito_share", cells.mito_share);
    visit("training_distance", cells.training_distance);
}
template <class Genes, class Visitor>
void visit_genes(Genes& genes, Visitor&& visit) {
    visit("gene_mean", genes.mean);
    visit("gene_variance", genes.variance);
    visit("gene_zero_fraction", genes.zero_fraction);
}
template <class Markers, class Visitor>
void visit_markers(Markers& markers, Visitor&& visit) {
    visit("test_share", markers.test_share);
    visit("generated_share", markers.generated_share);
    visit("test_mean", markers.test_mean);
    visit("generated_mean", markers.generated_mean);
}

Json to_json(const CellPictures& cells, const GenePictures& genes) {
    Json json = Json::object();
    const auto add = [&](const char* key, const std::vector<double>& list) { json[key] = rounded(list); };
    visit_cells(cells, add);
    visit_genes(genes, add);
    json["labels"] = cells.labels;
    return json;
}
void pictures_from(const Json& json, CellPictures& cells, GenePictures& genes) {
    const auto take = [&](const char* key, std::vector<double>& list) { json.at(key).get_to(list); };
    visit_cells(cells, take);
    visit_genes(genes, take);
    json.at("labels").get_to(cells.labels);
}

Json to_json(const DotPlotPictures& markers) {
    Json json{{"types", markers.types}, {"genes", markers.genes}};
    visit_markers(markers,
                  [&](const char* key, const std::vector<double>& list) { json[key] = rounded(list); });
    return json;
}
DotPlotPictures markers_from(const Json& json) {
    DotPlotPictures markers;
    json.at("types").get_to(markers.types);
    json.at("genes").get_to(markers.genes);
    visit_markers(markers, [&](const char* key, std::vector<double>& list) { json.at(key).get_to(list); });
    return markers;
}

std::string padded(const std::string& text, std::size_t width) {
    // Continuation bytes of UTF-8 take no room.
    std::size_t shown = 0;
    for (const char c : text) shown += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return text + std::string(shown < width ? width - shown : 0, ' ');
}

std::string row(const std::string& title, const std::string& space, const std::string& generated,
                const std::string& floor) {
    return padded(title, 42) + padded(space, 22) + padded(generated, 18) + floor + "\n";
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
    Json json{{"format", kFormat},
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
                {"test", to_json(pictures.test, pictures.test_genes)},
                {"generated", to_json(pictures.generated, pictures.generated_genes)},
                {"markers", to_json(pictures.markers)}}}};
    if (!result.draws.halvings.empty()) {
        Json halvings = Json::array();
        for (const auto& halving : result.draws.halvings)
            halvings.push_back({{"real", halving.real},
                                {"floor", halving.floor},
                                {"generated", halving.generated},
                                {"published_generated", halving.published_generated},
                                {"published_training", halving.published_training},
                                {"rare_generated", halving.rare_generated}});
        json["draws"] = {{"train", result.draws.train},
                         {"published_test", result.draws.published_test},
                         {"halvings", halvings}};
    }
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
        pictures_from(pictures.at("test"), result.pictures.test, result.pictures.test_genes);
        pictures_from(pictures.at("generated"), result.pictures.generated, result.pictures.generated_genes);
        result.pictures.markers = markers_from(pictures.at("markers"));
        return result;
    } catch (const nlohmann::json::exception& problem) {
        throw InputError(path.string() + " is not a whole evaluation (" + problem.what() +
                         "): run `lapatlas evaluate` again");
    }
}

void write_evaluation_csv(const std::filesystem::path& path, const EvaluationResult& result) {
    std::string text = "key,type,title,space,generated_mean,generated_sd,floor_mean,floor_sd\n";
    const auto quoted = [](std::string field) {
        for (std::size_t at = field.find('"'); at != std::string::npos; at = field.find('"', at + 2))
            field.insert(at, 1, '"');
        return '"' + field + '"';
    };
    const auto number = [](const std::optional<double>& value) {
        char digits[40] = "";
        if (value) std::snprintf(digits, sizeof digits, "%.8g", *value);
        return std::string(digits);
    };
    const auto add = [&](const std::string& type, const Figure& figure) {
        text += figure.key + "," + (type.empty() ? "" : quoted(type)) + "," + quoted(figure.title) + "," +
                quoted(figure.space) + "," + number(figure.generated.mean) + "," +
                number(figure.generated.sd) + "," + number(figure.floor.mean) + "," +
                number(figure.floor.sd) + "\n";
    };
    for (const Figure& figure : result.figures) add("", figure);
    for (const TypeFigures& type : result.types)
        for (const Figure& figure : type.figures) add(type.name, figure);
    require_writable(path);
    write_whole_file(path, text);
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
    table += std::string(95, '-') + "\n";
    for (const Figure& figure : result.figures)
        table += row(figure.title, figure.space, spread_text(figure.generated), spread_text(figure.floor));
    if (!result.types.empty()) table += "\n";
    for (const TypeFigures& type : result.types) {
        if (!type.scored)
            table += padded(type.name, 42) + "not scored: " + std::to_string(type.cells_a_side) +
                     " cells a side\n";
        for (const Figure& figure : type.figures)
            if (figure.key == "rf_auc" || figure.key == "w2")
                table +=
                    row(type.name, figure.title, spread_text(figure.generated), spread_text(figure.floor));
    }
    return table;
}

}  // namespace lapatlas
