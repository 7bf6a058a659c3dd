#include "dist/device.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "dist/agreement.hpp"
#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

/// Collective. The same number on the ranks of a machine: the first of them.
int node_of_rank(const Communicator& comm) {
    MPI_Comm node = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(comm.handle(), MPI_COMM_TYPE_SHARED, comm.rank(), MPI_INFO_NULL, &node),
              "MPI_Comm_split_type");
    int first = comm.rank();
    check_mpi(MPI_Bcast(&first, 1, MPI_INT, 0, node), "MPI_Bcast");
    check_mpi(MPI_Comm_free(&node), "MPI_Comm_free");
    return first;
}

std::string host_name() {
    char name[MPI_MAX_PROCESSOR_NAME] = "";
    int length = 0;
    MPI_Get_processor_name(name, &length);
    return {name, static_cast<std::size_t>(length)};
}

std::string gigabytes(std::int64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

}  // namespace

std::vector<int> assign_gpus(std::span<const RankGpus> ranks) {
    std::vector<int> gpus(ranks.size(), -1);
    if (std::any_of(ranks.begin(), ranks.end(), [](const RankGpus& rank) { return rank.num_gpus == 0; }))
        return gpus;
    std::map<int, int> seen_of_node;
    for (std::size_t r = 0; r < ranks.size(); ++r)
        gpus[r] = seen_of_node[ranks[r].node]++ % ranks[r].num_gpus;
    return gpus;
}

Device choose_device(const Communicator& comm, const std::string& wanted, const std::string& option,
                     std::string& why_cpu) {
    agreed(comm, [&] {
        if (wanted != "auto" && wanted != "cpu" && wanted != "cuda")
            throw ConfigError(option + " = \"" + wanted + "\": must be auto, cpu or cuda");
    });
    why_cpu.clear();
    if (wanted == "cpu") return {};
    const GpuSurvey survey = agreed(comm, [] { return survey_gpus(); });
    const RankGpus mine{node_of_rank(comm), survey.count};
    const std::vector<RankGpus> ranks = all_gather(comm, mine);
    const auto without =
        std::find_if(ranks.begin(), ranks.end(), [](const RankGpus& rank) { return rank.num_gpus == 0; });
    if (without != ranks.end()) {
        const int rank = static_cast<int>(without - ranks.begin());
        std::string why =
            "rank " + std::to_string(rank) + " on " + host_name() + " has no GPU: " + survey.why_none;
        broadcast(comm, why, rank);
        if (wanted == "cuda") throw ConfigError(option + " = \"cuda\": " + why);
        why_cpu = why;
        return {};
    }
    const std::vector<int> gpus = assign_gpus(ranks);
    const int own = gpus[static_cast<std::size_t>(comm.rank())];
    Device device;
    device.gpu = own;
    agreed(comm, [&] { open_gpu(device); });
    // Where each rank is given one GPU to see, all call it the first.
    std::map<std::array<char, 16>, int> ranks_of_gpu;
    for (const auto& uuid : all_gather(comm, device.uuid)) ++ranks_of_gpu[uuid];
    device.ranks_on_gpu = ranks_of_gpu.at(device.uuid);
    const bool shared = std::any_of(ranks_of_gpu.begin(), ranks_of_gpu.end(),
                                    [](const auto& entry) { return entry.second > 1; });
    device.over_nccl = !shared || all_reduce_min(comm, nccl_shares_gpus() ? 1 : 0) == 1;
    return device;
}

std::vector<std::string> describe_devices(const Communicator& comm, const Device& device) {
    std::string line = "rank " + std::to_string(comm.rank()) + " on " + host_name() + ": ";
    if (device.is_gpu()) {
        line += "GPU " + std::to_string(device.gpu) + ", " + device.name + ", " +
                gigabytes(device.free_bytes) + " of " + gigabytes(device.total_bytes) + " free";
        if (device.ranks_on_gpu > 1) line += ", shared by " + std::to_string(device.ranks_on_gpu) + " ranks";
        if (comm.size() > 1)
            line +=
                device.over_nccl ? "; over NCCL" : "; over MPI through host memory, since ranks share a GPU";
    } else {
        line += "CPU";
        if (comm.size() > 1) line += "; over MPI";
    }
    line += "\n";
    const std::vector<char> all = gather_v(comm, std::span<const char>(line));
    std::vector<std::string> lines;
    for (auto at = all.begin(); at != all.end();) {
        const auto end = std::find(at, all.end(), '\n');
        lines.emplace_back(at, end);
        at = end + 1;
    }
    return lines;
}

}  // namespace lapatlas
