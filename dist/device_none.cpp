// A build without CUDA.
#include "dist/device.hpp"
#include "dist/error.hpp"

namespace lapatlas {

GpuSurvey survey_gpus() { return {0, "this build of LapAtlas has no CUDA (the CMake preset `cuda` has)"}; }

void open_gpu(Device&) { throw CudaError("this build of LapAtlas has no CUDA"); }

}  // namespace lapatlas
