#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/device.hpp"
#include "dist/gradient_reducer.hpp"
#include "dist/log.hpp"
#include "src/backend/tensor_function.hpp"
#include "src/decode/block_sampling.hpp"
#include "src/decode/likelihood_pass.hpp"
#include "src/embed/encoder_input.hpp"
#include "src/embed/graph_operator.hpp"
#include "src/embed/masked_input.hpp"
#include "src/embed/spectral_operator.hpp"
#include "src/embed/tensor_of.hpp"
#include "src/graph/block_search.hpp"
#include "src/preprocess/centred_gram.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

/// A rank's cells on the host. Views.
struct HostCells {
    const ExpressionRows& inputs;       // [rows, encoder's genes] what the encoder sees
    const PackedCounts& counts;         // [rows, genes] raw
    std::span<const float> library;     // [rows]
    std::span<const std::int64_t> ids;  // [rows] global
};

/// Those cells where the networks compute.
class CellStore {
  public:
    virtual ~CellStore() = default;
    virtual std::shared_ptr<const EncoderInput> inputs(std::span<const std::int32_t> rows,
                                                       const EntryMask& mask) const = 0;
    virtual std::shared_ptr<const CellCounts> counts(std::span<const std::int64_t> rows) const = 0;
};

/// Whose random numbers: row i's are a pure function of (seed, ids[i], step) and what they are for, so the
/// same cell draws the same on any number of ranks, in whatever row it sits.
struct CellDraws {
    std::uint64_t seed = 0;
    std::uint32_t step = 0;
    torch::Tensor ids;  // [rows] int64 where the networks compute
};

/// Cells of a block of generation on the CPU; a matrix product of so many rows is as fast as any.
inline constexpr std::int64_t kBlockCells = 512;

/// Where a rank's networks compute, and what they need there beyond LibTorch's own operations. One a kind of
/// device; the science knows no other difference between devices.
class Backend {
  public:
    explicit Backend(const Communicator& comm) : comm_(comm) {}
    virtual ~Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    const Communicator& comm() const { return comm_; }
    virtual torch::Device device() const = 0;
    /// Whether the host's cores have nothing to do while networks compute.
    virtual bool leaves_host_free() const = 0;
    /// Whether networks can be trained with factors rounded to bfloat16 (see MixedPrecision).
    virtual bool multiplies_bfloat16() const = 0;
    /// Bytes of a GPU's memory that this rank could take when it began; none where networks compute in the
    /// host's.
    virtual std::optional<double> device_memory() const = 0;
    /// To be called by each further thread that computes here.
    virtual void enter_thread() const = 0;
    /// Cells that are best generated together (see kBlockCells).
    virtual std::int64_t block_cells() const = 0;
    /// Gives up what a stage has left behind, for the next one and for others.
    virtual void end_stage() const = 0;
    /// A one-dimensional tensor there.
    template <class Values>
    torch::Tensor tensor(const Values& values) const {
        return tensor_of(values, device());
    }

    /// Views `cells`, which must outlive the store.
    virtual std::unique_ptr<CellStore> store(const HostCells& cells) const = 0;
    /// Views `shard`; `entries` as make_graph_operator's.
    virtual std::shared_ptr<GraphOperator> graph_operator(const GraphShard& shard, std::vector<float> entries,
                                                          HaloStatistics* statistics = nullptr) const = 0;
    // What `prepare` asks for.
    virtual const BlockSearch& block_search() const = 0;
    /// Collective. Keeps a reference to `local`.
    virtual std::unique_ptr<CentredGram> centred_gram(const ExpressionRows& local) const = 0;
    /// Collective. Views shard and trivial.
    virtual std::unique_ptr<SpectralOperator> spectral_operator(const GraphShard& shard,
                                                                const TrivialVectors& trivial) const = 0;

    /// Collective. Slots are in the device's memory; `sizes`: values of each parameter.
    virtual std::unique_ptr<GradientReducer> gradient_reducer(std::vector<std::int64_t> sizes) const = 0;

    /// Standard normals [rows, width].
    virtual torch::Tensor normals(const CellDraws& draws, RandomStream stream, std::int64_t width) const = 0;
    /// Inverted dropout: 0 with probability `rate`, else 1 / (1 - rate), [rows, width]. Layers draw apart.
    virtual torch::Tensor dropout(const CellDraws& draws, std::uint32_t layer, std::int64_t width,
                                  double rate) const = 0;
    /// `function` for many calls with inputs of the same shapes (or undefined each time). It must do the same
    /// on the device whatever the inputs hold, read nothing back, and depend on nothing else that changes:
    /// its work may be recorded once and replayed.
    virtual TensorFunction repeated(TensorFunction function) const = 0;
    virtual CountMatrix draw_counts(const BlockDraws& draws) const = 0;

  private:
    Communicator comm_;
};

std::shared_ptr<const Backend> make_cpu_backend(const Communicator& comm);

/// Collective. On the GPU that `device` names, of which the calling thread becomes a user, over the transport
/// that it names. NcclError on all ranks if NCCL does not start within `timeout_seconds`, or later waits
/// longer than that. InternalError in a build without CUDA.
std::shared_ptr<const Backend> make_cuda_backend(const Communicator& comm, const Device& device,
                                                 double timeout_seconds);

/// Collective. By runtime.device, `wanted` (see choose_device); says which rank computes where.
std::shared_ptr<const Backend> choose_backend(const Communicator& comm, const std::string& wanted,
                                              double timeout_seconds, Log& log);

}  // namespace lapatlas
