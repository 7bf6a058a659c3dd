#include "dist/kernel_launches.hpp"

#include <map>
#include <mutex>

namespace lapatlas {

namespace {
std::mutex mutex;
std::map<std::string, std::int64_t>& counts() {
    static std::map<std::string, std::int64_t> of_kernels;
    return of_kernels;
}
}  // namespace

void count_kernel_launch(const std::string& kernel) {
    const std::lock_guard lock(mutex);
    ++counts()[kernel];
}

std::int64_t kernel_launches(const std::string& kernel) {
    const std::lock_guard lock(mutex);
    const auto at = counts().find(kernel);
    return at == counts().end() ? 0 : at->second;
}

}  // namespace lapatlas
