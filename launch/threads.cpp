#include "launch/threads.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "dist/memory_use.hpp"

namespace lapatlas {

int set_threads(const Communicator& comm, std::int64_t wanted) {
    const int ranks_here = ranks_on_machine(comm);
    int threads = static_cast<int>(wanted);
    for (const char* variable : {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"})
        if (const char* given = std::getenv(variable); threads <= 0 && given != nullptr)
            threads = std::atoi(given);
    if (threads <= 0) threads = static_cast<int>(std::thread::hardware_concurrency()) / ranks_here;
    threads = std::max(1, threads);
    omp_set_num_threads(threads);
    at::set_num_threads(threads);
    // Gradients of rarely seen genes are tiny, and Adam squares them: numbers below 1e-38, which processors
    // handle in microcode. Taken as 0 they leave a step of Adam four times as fast. (Threads made later
    // inherit the setting.)
    at::globalContext().setFlushDenormal(true);
    return threads;
}

}  // namespace lapatlas
