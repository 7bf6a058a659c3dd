// A build without NCCL.
#include "dist/device.hpp"

namespace lapatlas {

bool nccl_shares_gpus() { return false; }

}  // namespace lapatlas
