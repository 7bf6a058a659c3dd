#include "launch/threads.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace lapatlas {

int set_threads(const Communicator& comm, std::int64_t wanted) {
    MPI_Comm node = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(comm.handle(), MPI_COMM_TYPE_SHARED, comm.rank(), MPI_INFO_NULL, &node),
              "MPI_Comm_split_type");
    int ranks_here = 1;
    MPI_Comm_size(node, &ranks_here);
    MPI_Comm_free(&node);
    int threads = static_cast<int>(wanted);
    if (threads <= 0) {
        const char* slurm = std::getenv("SLURM_CPUS_PER_TASK");
        threads = slurm != nullptr ? std::atoi(slurm) : 0;
    }
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
