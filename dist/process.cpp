#include "dist/process.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>

namespace lapatlas {

double process_cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double process_io_bytes() {
    std::ifstream file("/proc/self/io");
    double bytes = 0;
    std::string name;
    for (double value = 0; file >> name >> value;)
        if (name == "rchar:" || name == "wchar:") bytes += value;
    return bytes;
}

std::uint64_t machine_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return std::hash<std::string>{}(id.empty() ? host_name() : id);
}

std::uint64_t namespace_id(const std::string& kind) {
    struct stat space {};
    return stat(("/proc/self/ns/" + kind).c_str(), &space) == 0 ? space.st_ino : 0;
}

std::string host_name() {
    char name[256] = {};
    gethostname(name, sizeof name - 1);
    return name;
}

}  // namespace lapatlas
