#include "src/run_history.hpp"

#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>

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
            {"nodes", nodes},
            {"remark", record.remark}};
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
    line.at("remark").get_to(record.remark);
    for (const nlohmann::json& node : line.at("nodes"))
        record.nodes.push_back({node.at("host").get<std::string>(), node.at("ranks").get<int>(),
                                node.at("waited_share").get<double>(),
                                node.at("exchange_share").get<double>()});
    return record;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
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

std::string slow_node(const std::string& stage, const std::vector<std::string>& hosts,
                      const std::vector<double>& waits) {
    constexpr double kWorthSaying = 0.05, kStandsOut = 2;
    const std::size_t n = hosts.size();
    std::size_t slowest = n;
    double furthest = kStandsOut, its_share = 0;
    for (std::size_t node = 0; node < n; ++node) {
        std::vector<double> with, without;
        for (std::size_t a = 0; a < n; ++a) {
            for (std::size_t b = a + 1; b < n; ++b) {
                const double pair = waits[a * n + b] + waits[b * n + a];
                if (pair > 0) (a == node || b == node ? with : without).push_back(pair);
            }
        }
        if (with.empty() || without.empty()) continue;
        const double share = std::accumulate(with.begin(), with.end(), 0.0);
        const double factor = median(with) / median(without);
        if (share < kWorthSaying || factor < furthest) continue;
        slowest = node;
        furthest = factor;
        its_share = share;
    }
    if (slowest == n) return {};
    char factor[32];
    std::snprintf(factor, sizeof factor, "%.1f", furthest);
    return "exchanges with node " + hosts[slowest] + " took " + percent(its_share) +
           " of the ranks' time in " + stage + ", each " + factor +
           " times as long as one between other nodes: " + hosts[slowest] + " or its network is slow";
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
    // Seconds that each node's ranks waited in all, and of those for messages of each node.
    const std::size_t n = names.names.size();
    std::vector<double> sums(n + n * n, 0.0);
    sums[own_node] = waited;
    const std::span<double> pairs = std::span(sums).subspan(n);
    const std::vector<double>& now = Activity::waited_for_seconds();
    for (std::size_t r = 0; r < std::min(now.size(), names.node_of_rank.size()); ++r)
        if (const std::size_t other = names.node_of_rank[r]; other != own_node)
            pairs[own_node * n + other] +=
                now[r] - (r < waited_for_seconds_.size() ? waited_for_seconds_[r] : 0);
    all_reduce_sum(comm, std::span<double>(sums));
    for (double& pair : pairs) pair /= rank_seconds;
    for (std::size_t a = 0; a < n; ++a) {
        StageRecord::Node& node = record.nodes[a];
        node.waited_share = sums[a] / std::max(1e-9, record.seconds * node.ranks);
        for (std::size_t b = 0; b < n; ++b) node.exchange_share += pairs[a * n + b] + pairs[b * n + a];
    }
    record.remark = slow_node(stage, names.names, {pairs.begin(), pairs.end()});
    return record;
}

void keep_record(const Communicator& comm, const RunFolder& run, const StageRecord& record, Log& log) {
    log.info(record.stage + " " + record.text());
    if (!record.remark.empty()) log.warning(record.remark);
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
