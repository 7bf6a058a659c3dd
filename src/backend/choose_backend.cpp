#include "src/backend/backend.hpp"

namespace lapatlas {

std::shared_ptr<const Backend> choose_backend(const Communicator& comm, const std::string& wanted,
                                              double timeout_seconds, Log& log) {
    std::string why_cpu;
    const Device device = choose_device(comm, wanted, "runtime.device", why_cpu);
    for (const std::string& line : describe_devices(comm, device)) log.info(line);
    if (!why_cpu.empty()) log.info("no GPU is used: " + why_cpu);
    return device.is_gpu() ? make_cuda_backend(comm, device, timeout_seconds) : make_cpu_backend(comm);
}

}  // namespace lapatlas
