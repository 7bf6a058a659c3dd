#include "src/backend/backend.hpp"

namespace lapatlas {

std::shared_ptr<const Backend> choose_backend(const Communicator& comm, const std::string& wanted,
                                              double timeout_seconds, Log& log) {
    std::string why_cpu;
    const Device device = choose_device(comm, wanted, "runtime.device", why_cpu);
    if (!device.is_gpu()) {
        log.info("networks compute on the CPU" + (why_cpu.empty() ? "" : ": " + why_cpu));
        return make_cpu_backend(comm);
    }
    for (const std::string& line : describe_devices(comm, device)) log.info(line);
    return make_cuda_backend(comm, device, timeout_seconds);
}

}  // namespace lapatlas
