// A build without CUDA.
#include "dist/error.hpp"
#include "src/backend/backend.hpp"

namespace lapatlas {

std::shared_ptr<const Backend> make_cuda_backend(const Communicator&, const Device&, double) {
    throw InternalError("this build has no CUDA, so no device it finds is a GPU");
}

}  // namespace lapatlas
