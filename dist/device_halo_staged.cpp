#include <vector>

#include "dist/collectives.hpp"
#include "dist/device_halo.cuh"

namespace lapatlas {

namespace {

class StagedHalo : public DeviceHalo {
  public:
    StagedHalo(const Communicator& comm, const ExchangePlan& plan, const std::int32_t* send_rows,
               HaloBuffers& buffers, cudaStream_t compute, HaloNumbers numbers)
        : DeviceHalo(plan, numbers),
          comm_(comm),
          send_rows_(send_rows),
          buffers_(buffers),
          compute_(compute) {}
    ~StagedHalo() override {
        // Unwinding between start and finish: the buffers must outlive the requests.
        MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    }

    void start(float* rows, std::int64_t num_owned, std::int64_t width) override {
        width_ = width;
        words_ = halo_words(numbers_, width);
        const std::int64_t sent = std::ssize(plan_.send_rows) * words_;
        buffers_.packed.resize(sent);
        buffers_.outgoing.resize(sent);
        buffers_.incoming.resize(plan_.num_ghosts() * words_);
        if (is_packed()) buffers_.arrived.resize(plan_.num_ghosts() * words_);
        ghosts_ = rows + num_owned * width;
        pack_rows(numbers_, rows, send_rows_, std::ssize(plan_.send_rows), width, buffers_.packed.data(),
                  compute_);
        ready_.record(compute_);
        ready_.hold(buffers_.travel.get());
        copy_async(buffers_.outgoing.data(), buffers_.packed.data(), sent, buffers_.travel.get());
        for (std::size_t s = 0; s < plan_.receive_ranks.size(); ++s) {
            const std::int64_t first = plan_.receive_offsets[s], last = plan_.receive_offsets[s + 1];
            MPI_Request& request = requests_.emplace_back(MPI_REQUEST_NULL);
            check_mpi(MPI_Irecv(buffers_.incoming.data() + first * words_, mpi_count((last - first) * words_),
                                MPI_FLOAT, plan_.receive_ranks[s], kTag, comm_.handle(), &request),
                      "MPI_Irecv");
        }
        ready_.record(buffers_.travel.get());
    }

    void finish() override {
        // Only now does the host wait for the rows to have left the GPU: it has given `compute` other work
        // meanwhile.
        ready_.wait();
        for (std::size_t s = 0; s < plan_.send_ranks.size(); ++s) {
            const std::int64_t first = plan_.send_offsets[s], last = plan_.send_offsets[s + 1];
            MPI_Request& request = requests_.emplace_back(MPI_REQUEST_NULL);
            check_mpi(MPI_Isend(buffers_.outgoing.data() + first * words_, mpi_count((last - first) * words_),
                                MPI_FLOAT, plan_.send_ranks[s], kTag, comm_.handle(), &request),
                      "MPI_Isend");
        }
        check_mpi(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
                  "MPI_Waitall");
        requests_.clear();
        copy_async(is_packed() ? buffers_.arrived.data() : ghosts_, buffers_.incoming.data(),
                   plan_.num_ghosts() * words_, buffers_.travel.get());
        arrived_.record(buffers_.travel.get());
        arrived_.hold(compute_);
        if (is_packed()) unpack_rows(buffers_.arrived.data(), plan_.num_ghosts(), width_, ghosts_, compute_);
        // The next exchange fills the host's buffers again.
        arrived_.wait();
    }

  private:
    static constexpr int kTag = 102;
    Communicator comm_;
    const std::int32_t* send_rows_;
    HaloBuffers& buffers_;
    cudaStream_t compute_;
    CudaEvent ready_, arrived_;
    float* ghosts_ = nullptr;
    std::int64_t width_ = 0, words_ = 0;
    std::vector<MPI_Request> requests_;
};

}  // namespace

std::unique_ptr<DeviceHalo> make_staged_halo(const Communicator& comm, const ExchangePlan& plan,
                                             const std::int32_t* send_rows, HaloBuffers& buffers,
                                             cudaStream_t compute, HaloNumbers numbers) {
    return std::make_unique<StagedHalo>(comm, plan, send_rows, buffers, compute, numbers);
}

}  // namespace lapatlas
