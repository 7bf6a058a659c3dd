#include "dist/device_halo.cuh"

namespace lapatlas {

namespace {

class NcclHalo : public DeviceHalo {
  public:
    NcclHalo(NcclCommunicator& nccl, const ExchangePlan& plan, const std::int32_t* send_rows,
             HaloBuffers& buffers, cudaStream_t compute, HaloNumbers numbers)
        : DeviceHalo(plan, numbers),
          nccl_(nccl),
          send_rows_(send_rows),
          buffers_(buffers),
          compute_(compute) {}

    void start(float* rows, std::int64_t num_owned, std::int64_t width) override {
        const std::int64_t words = halo_words(numbers_, width);
        width_ = width;
        ghosts_ = rows + num_owned * width;
        float* arriving = ghosts_;
        if (is_packed()) {
            buffers_.arrived.resize(plan_.num_ghosts() * words);
            arriving = buffers_.arrived.data();
        }
        buffers_.packed.resize(std::ssize(plan_.send_rows) * words);
        pack_rows(numbers_, rows, send_rows_, std::ssize(plan_.send_rows), width, buffers_.packed.data(),
                  compute_);
        ready_.record(compute_);
        ready_.hold(buffers_.travel.get());
        nccl_.check(ncclGroupStart(), "ncclGroupStart");
        for (std::size_t s = 0; s < plan_.receive_ranks.size(); ++s) {
            const std::int64_t first = plan_.receive_offsets[s], last = plan_.receive_offsets[s + 1];
            nccl_.enqueue(ncclRecv(arriving + first * words, static_cast<std::size_t>((last - first) * words),
                                   ncclFloat, plan_.receive_ranks[s], nccl_.handle(), buffers_.travel.get()),
                          "ncclRecv");
        }
        for (std::size_t s = 0; s < plan_.send_ranks.size(); ++s) {
            const std::int64_t first = plan_.send_offsets[s], last = plan_.send_offsets[s + 1];
            nccl_.enqueue(ncclSend(buffers_.packed.data() + first * words,
                                   static_cast<std::size_t>((last - first) * words), ncclFloat,
                                   plan_.send_ranks[s], nccl_.handle(), buffers_.travel.get()),
                          "ncclSend");
        }
        nccl_.check(ncclGroupEnd(), "ncclGroupEnd (halo exchange)");
        arrived_.record(buffers_.travel.get());
    }

    void finish() override {
        arrived_.hold(compute_);
        if (is_packed()) unpack_rows(buffers_.arrived.data(), plan_.num_ghosts(), width_, ghosts_, compute_);
    }

  private:
    NcclCommunicator& nccl_;
    const std::int32_t* send_rows_;
    HaloBuffers& buffers_;
    cudaStream_t compute_;
    float* ghosts_ = nullptr;
    std::int64_t width_ = 0;
    CudaEvent ready_, arrived_;
};

}  // namespace

std::unique_ptr<DeviceHalo> make_nccl_halo(NcclCommunicator& nccl, const ExchangePlan& plan,
                                           const std::int32_t* send_rows, HaloBuffers& buffers,
                                           cudaStream_t compute, HaloNumbers numbers) {
    return std::make_unique<NcclHalo>(nccl, plan, send_rows, buffers, compute, numbers);
}

}  // namespace lapatlas
