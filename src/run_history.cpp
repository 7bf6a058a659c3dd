#include "src/run_history.hpp"

#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dist/activity.hpp"
#include "dist/agreement.hpp"
#include "dist/batch_job.hpp"
#include "dist/collectives.hpp"
#include "dist/process.hpp"

namespace lapatlas {

namespace {

double since_1970(std::chrono::system_clock::time_point when) {
    return std::chrono::duration<double>(when.time_since_epoch()).count();
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f %%", 100 * share);
    return text;
}

/// Node numbers of the ranks, and the nodes' names in order of their first rank.
struct NodeNames {
    std::vector<std::size_t> node_of_rank;
    std::vector<std::string> names;
};

NodeNames node_names(const Communicator& comm) {
    struct Host {
        char name[64] = {};
    } mine;
    const std::string host = host_name();
    std::copy_n(host.data(), std::min(host.size(), sizeof mine.name - 1), mine.name);
    NodeNames nodes;
    std::map<std::string, std::size_t> numbers;
    for (const Host& other : all_gather(comm, mine)) {
        const auto [place, is_new] = numbers.emplace(other.name, numbers.size());
        if (is_new) nodes.names.emplace_back(other.name);
        nodes.node_of_rank.push_back(place->second);
    }
    return nodes;
}

nlohmann::json to_json(const StageRecord& record) {
    nlohmann::json nodes = nlohmann::json::array();
    for (const StageRecord::Node& node : record.nodes)
        nodes.push_back({{"host", node.host},
                         {"ranks", node.ranks},
                         {"waited_share", node.waited_share},
                         {"exchange_share", node.exchange_share}});
    return {{"stage", record.stage},
            {"state", record.state},
            {"job", record.job},
            {"restarts", record.restarts},
            {"ranks", record.ranks},
            {"threads", record.threads},
            {"started", record.started},
            {"seconds", record.seconds},
            {"cpu_share", record.cpu_share},
            {"nodes", nodes}};
}

StageRecord from_json(const nlohmann::json& line) {
    StageRecord record;
    line.at("stage").get_to(record.stage);
    line.at("state").get_to(record.state);
    line.at("job").get_to(record.job);
    line.at("restarts").get_to(record.restarts);
    line.at("ranks").get_to(record.ranks);
    line.at("threads").get_to(record.threads);
    line.at("started").get_to(record.started);
    line.at("seconds").get_to(record.seconds);
    line.at("cpu_share").get_to(record.cpu_share);
    for (const nlohmann::json& node : line.at("nodes"))
        record.nodes.push_back({node.at("host").get<std::string>(), node.at("ranks").get<int>(),
                                node.at("waited_share").get<double>(),
                                node.at("exchange_share").get<double>()});
    return record;
}

/// An exchange is between two nodes and shows in both. If each node adds its own part to all of its
/// exchanges, with w(i, j) = own(i) + own(j), then of n nodes those with node i sum up to (n - 2) own(i) +
/// (sum of own).
std::vector<double> own_parts(const std::vector<StageRecord::Node>& nodes) {
    const auto n = static_cast<double>(nodes.size());
    double all = 0;
    for (const StageRecord::Node& node : nodes) all += node.exchange_share;
    std::vector<double> own;
    for (const StageRecord::Node& node : nodes)
        own.push_back((node.exchange_share - all / (2 * n - 2)) / (n - 2));
    return own;
}

}  // namespace

double StageRecord::waited_share() const {
    double sum = 0;
    for (const Node& node : nodes) sum += node.waited_share * node.ranks;
    return ranks > 0 ? sum / ranks : 0;
}

std::string StageRecord::text() const {
    char took[32];
    std::snprintf(took, sizeof took, "%.1f s", seconds);
    std::string line = state + " in " + took + " on " + std::to_string(ranks) +
                       (ranks == 1 ? " rank" : " ranks") + " of " + std::to_string(nodes.size()) +
                       (nodes.size() == 1 ? " node" : " nodes") + ", processors " + percent(cpu_share) +
                       " busy";
    if (ranks > 1) line += ", " + percent(waited_share()) + " of the time waiting for other ranks";
    return line;
}

std::string StageRecord::slow_node() const {
    constexpr double kWorthSaying = 0.05, kStandsOut = 2;
    if (nodes.size() < 3) return {};
    const std::vector<double> own = own_parts(nodes);
    std::vector<std::size_t> order(nodes.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return own[a] > own[b]; });
    const Node &slowest = nodes[order[0]], &next = nodes[order[1]];
    if (slowest.exchange_share < kWorthSaying || own[order[0]] < kStandsOut * own[order[1]]) return {};
    return "exchanges with node " + slowest.host + " took " + percent(slowest.exchange_share) +
           " of the ranks' time in " + stage + ", with " + next.host + " (the next) " +
           percent(next.exchange_share) + ": " + slowest.host + " or its network is slow";
}

StageClock::StageClock()
    : start_(std::chrono::system_clock::now()),
      cpu_seconds_(process_cpu_seconds()),
      waited_seconds_(Activity::waited_seconds()),
      waited_for_seconds_(Activity::waited_for_seconds()) {}

StageRecord StageClock::record(const Communicator& comm, const std::string& stage,
                               const std::string& state) const {
    StageRecord record;
    record.stage = stage;
    record.state = state;
    record.ranks = comm.size();
    record.threads = omp_get_max_threads();
    record.started = since_1970(start_);
    record.seconds = since_1970(std::chrono::system_clock::now()) - record.started;
    if (const auto job = batch_job()) {
        record.job = job->id;
        record.restarts = job->restarts;
    }
    const double rank_seconds = std::max(1e-9, record.seconds * record.ranks);
    const double cpu = process_cpu_seconds() - cpu_seconds_;
    const double waited = Activity::waited_seconds() - waited_seconds_;
    record.cpu_share = all_reduce_sum(comm, cpu) / (rank_seconds * record.threads);

    const NodeNames names = node_names(comm);
    const std::size_t own_node = names.node_of_rank[static_cast<std::size_t>(comm.rank())];
    for (const std::string& name : names.names) record.nodes.push_back({name, 0, 0, 0});
    for (const std::size_t node : names.node_of_rank) ++record.nodes[node].ranks;
    // Of each node: seconds that its ranks waited, and of exchanges between it and other nodes.
    std::vector<double> sums(2 * names.names.size(), 0.0);
    sums[2 * own_node] = waited;
    const std::vector<double>& now = Activity::waited_for_seconds();
    for (std::size_t r = 0; r < std::min(now.size(), names.node_of_rank.size()); ++r) {
        const std::size_t other = names.node_of_rank[r];
        if (other == own_node) continue;
        const double seconds = now[r] - (r < waited_for_seconds_.size() ? waited_for_seconds_[r] : 0);
        sums[2 * own_node + 1] += seconds;
        sums[2 * other + 1] += seconds;
    }
    all_reduce_sum(comm, std::span<double>(sums));
    for (std::size_t n = 0; n < record.nodes.size(); ++n) {
        record.nodes[n].waited_share = sums[2 * n] / std::max(1e-9, record.seconds * record.nodes[n].ranks);
        record.nodes[n].exchange_share = sums[2 * n + 1] / rank_seconds;
    }
    return record;
}

void keep_record(const Communicator& comm, const RunFolder& run, const StageRecord& record, Log& log) {
    log.info(record.stage + " " + record.text());
    if (const std::string slow = record.slow_node(); !slow.empty()) log.warning(slow);
    agreed(comm, [&] {
        if (!comm.is_root()) return;
        std::ofstream file(run.history(), std::ios::app);
        file << to_json(record).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
        // What the run was for is done: it does not fail over its diary.
        if (!file.flush()) log.warning(run.history().string() + ": cannot be written");
    });
}

std::vector<StageRecord> read_history(const std::filesystem::path& path) {
    std::vector<StageRecord> records;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        try {
            records.push_back(from_json(nlohmann::json::parse(line)));
        } catch (const nlohmann::json::exception&) {
        }
    }
    return records;
}

}  // namespace lapatlas
