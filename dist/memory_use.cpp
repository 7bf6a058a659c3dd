#include "dist/memory_use.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>

#include "dist/collectives.hpp"

namespace lapatlas {

namespace {

/// The number behind `key` in a file of "key: number kB" lines, in bytes; -1 where there is none.
std::int64_t kilobytes_of(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string word; file >> word;)
        if (word == key) {
            std::int64_t kilobytes = -1;
            return file >> kilobytes ? kilobytes * 1024 : -1;
        }
    return -1;
}

/// The number a file holds; -1 where there is none ("max" of a control group without a limit).
std::int64_t number_in(const std::string& path) {
    std::ifstream file(path);
    std::int64_t number = -1;
    return file >> number ? number : -1;
}

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

/// What is left of a group's limit, of which the page cache can be had back.
std::int64_t left_in(const std::string& folder, const char* limit_file, const char* use_file) {
    const std::int64_t limit = number_in(folder + limit_file), used = number_in(folder + use_file);
    if (limit < 0 || used < 0) return kNoLimit;
    std::ifstream file(folder + "/memory.stat");
    // Version 1 lists the group's own pages, then totals with those of groups within: the last of a name
    // counts.
    std::int64_t inactive = 0, active = 0, number = 0;
    for (std::string key; file >> key >> number;) {
        if (key == "inactive_file" || key == "total_inactive_file") inactive = number;
        if (key == "active_file" || key == "total_active_file") active = number;
    }
    const std::int64_t cached = inactive + active;
    return std::max<std::int64_t>(0, limit - used + cached);
}

/// Within all of this process's control groups, version 2 or 1.
std::int64_t left_in_control_groups() {
    std::int64_t least = kNoLimit;
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const bool unified = controllers.empty();
        if (!unified && controllers != "memory") continue;
        const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
        // A group is held to the limits of those it is in. In a container the path may not be there: the
        // root then is the container's own.
        std::string path = line.substr(second + 1);
        while (true) {
            const std::string folder = root + (path == "/" ? "" : path);
            least = std::min(least,
                             unified ? left_in(folder, "/memory.max", "/memory.current")
                                     : left_in(folder, "/memory.limit_in_bytes", "/memory.usage_in_bytes"));
            if (path.empty() || path == "/") break;
            path.erase(path.find_last_of('/'));
        }
    }
    return least;
}

}  // namespace

StageMemory::StageMemory() {
    malloc_trim(0);
    // Sets the peak to what is held now; where that is forbidden, peaks are those of the whole process.
    std::ofstream("/proc/self/clear_refs") << "5";
}

std::int64_t StageMemory::peak() const { return kilobytes_of("/proc/self/status", "VmHWM:"); }

std::string StageMemory::text(const Communicator& comm) const {
    const std::int64_t mine = peak();
    const std::int64_t all = all_reduce_sum(comm, mine);
    return "peak memory: " + bytes_text(static_cast<double>(all_reduce_max(comm, mine))) +
           (comm.size() > 1 ? " a rank at most, " + bytes_text(static_cast<double>(all)) + " in all" : "");
}

#ifdef __GLIBC__
ReusedMemory::ReusedMemory() {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);  // never
    mallopt(M_TOP_PAD, 64 << 20);
}
ReusedMemory::~ReusedMemory() {
    // glibc's own values, but for thresholds: it moves them with what is freed until somebody sets one, so
    // they are put where large blocks would have moved them to.
    mallopt(M_MMAP_MAX, 65536);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, 128 << 10);
    malloc_trim(0);
}
#else
ReusedMemory::ReusedMemory() = default;
ReusedMemory::~ReusedMemory() = default;
#endif

std::int64_t resident_memory() { return kilobytes_of("/proc/self/status", "VmRSS:"); }

std::int64_t private_memory() { return kilobytes_of("/proc/self/status", "VmData:"); }

std::int64_t free_memory() {
    const std::int64_t available = kilobytes_of("/proc/meminfo", "MemAvailable:");
    return std::min(available < 0 ? kNoLimit : available, left_in_control_groups());
}

int ranks_on_machine(const Communicator& comm) {
    MPI_Comm machine = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(comm.handle(), MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine),
              "MPI_Comm_split_type");
    int ranks = 1;
    check_mpi(MPI_Comm_size(machine, &ranks), "MPI_Comm_size");
    MPI_Comm_free(&machine);
    return ranks;
}

std::string bytes_text(double bytes) {
    const double mebibytes = bytes / (1 << 20);
    char text[32];
    if (mebibytes >= 999.5)
        std::snprintf(text, sizeof text, mebibytes < 102400 ? "%.1f GiB" : "%.0f GiB", mebibytes / 1024);
    else
        std::snprintf(text, sizeof text, mebibytes < 1 ? "%.0f KiB" : "%.0f MiB",
                      mebibytes < 1 ? 1024 * mebibytes : mebibytes);
    return text;
}

}  // namespace lapatlas
