#include "tests/bench/scaling/study_point.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "dist/error.hpp"

namespace lapatlas::bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankLoad, rows, loss_rows, nonzeros, interior_edges, boundary_edges, sends)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StepFigures, series, kind, where, ranks, nodes, cells, seconds, halo_wait,
                                   reduce_wait, halo_bytes, reduce_bytes, messages, exchanges, ghosts_mean,
                                   ghosts_max, work_mean, work_max, peak_memory)

namespace {

using Json = nlohmann::json;

// In the order of Cost's members.
constexpr std::array<double Cost::*, 7> kCostTerms{
    &Cost::fixed,           &Cost::a_row,     &Cost::a_loss_row, &Cost::a_nonzero, &Cost::an_interior_edge,
    &Cost::a_boundary_edge, &Cost::a_sent_row};
constexpr std::array<const char*, 5> kKinds{"compute", "halo", "ready", "finish", "all_reduce"};

Json to_json(const Cost& cost) {
    Json terms = Json::array();
    for (const auto term : kCostTerms) terms.push_back(cost.*term);
    return terms;
}

Cost cost_of(const Json& terms) {
    Cost cost;
    for (std::size_t i = 0; i < kCostTerms.size(); ++i) cost.*kCostTerms[i] = terms.at(i).get<double>();
    return cost;
}

void write(const std::filesystem::path& path, const Json& json) {
    std::ofstream file(path);
    file << json.dump(1) << "\n";
    file.close();
    if (!file) throw ResourceError(path.string() + ": cannot be written");
}

template <class Make>
auto read(const std::filesystem::path& path, const Make& make) {
    std::ifstream file(path);
    if (!file) throw InputError(path.string() + ": cannot be read");
    try {
        return make(Json::parse(file));
    } catch (const Json::exception& error) {
        throw InputError(path.string() + ": " + error.what());
    }
}

}  // namespace

std::int64_t RankLoad::sent_rows() const {
    std::int64_t sum = 0;
    for (const auto& [rank, rows_sent] : sends) sum += rows_sent;
    return sum;
}

double Cost::seconds(const RankLoad& load) const {
    return fixed + a_row * load.rows + a_loss_row * load.loss_rows + a_nonzero * load.nonzeros +
           an_interior_edge * load.interior_edges + a_boundary_edge * load.boundary_edges +
           a_sent_row * static_cast<double>(load.sent_rows());
}

Cost& Cost::operator+=(const Cost& other) {
    for (const auto term : kCostTerms) this->*term += other.*term;
    return *this;
}

Cost Cost::times(double factor) const {
    Cost scaled = *this;
    for (const auto term : kCostTerms) scaled.*term *= factor;
    return scaled;
}

void write_point(const std::filesystem::path& path, const StudyPoint& point) {
    Json json{{"series", point.series}, {"placement", point.placement}, {"extrapolated", point.extrapolated},
              {"cells", point.cells},   {"gradients", point.gradients}, {"step", Json::array()},
              {"loads", point.loads}};
    for (const Operation& operation : point.step)
        json["step"].push_back({{"kind", kKinds.at(static_cast<std::size_t>(operation.kind))},
                                {"work", to_json(operation.work)},
                                {"meanwhile", to_json(operation.meanwhile)},
                                {"after", to_json(operation.after)},
                                {"width", operation.width},
                                {"bytes", operation.bytes},
                                {"gradients", {operation.first, operation.last}}});
    write(path, json);
}

StudyPoint read_point(const std::filesystem::path& path) {
    return read(path, [&](const Json& json) {
        StudyPoint point;
        json.at("series").get_to(point.series);
        json.at("placement").get_to(point.placement);
        json.at("extrapolated").get_to(point.extrapolated);
        json.at("cells").get_to(point.cells);
        json.at("gradients").get_to(point.gradients);
        for (const Json& entry : json.at("step")) {
            Operation operation;
            const auto kind =
                std::find(kKinds.begin(), kKinds.end(), entry.at("kind").get<std::string>()) - kKinds.begin();
            if (kind == static_cast<std::ptrdiff_t>(kKinds.size()))
                throw InputError(path.string() + ": unknown operation " + entry.at("kind").dump());
            operation.kind = static_cast<Operation::Kind>(kind);
            operation.work = cost_of(entry.at("work"));
            operation.meanwhile = cost_of(entry.at("meanwhile"));
            operation.after = cost_of(entry.at("after"));
            entry.at("width").get_to(operation.width);
            entry.at("bytes").get_to(operation.bytes);
            entry.at("gradients").at(0).get_to(operation.first);
            entry.at("gradients").at(1).get_to(operation.last);
            point.step.push_back(operation);
        }
        json.at("loads").get_to(point.loads);
        return point;
    });
}

void write_figures(const std::filesystem::path& path, const StepFigures& figures) { write(path, figures); }

StepFigures read_figures(const std::filesystem::path& path) {
    return read(path, [](const Json& json) { return json.get<StepFigures>(); });
}

}  // namespace lapatlas::bench
