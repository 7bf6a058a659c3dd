// A build without CUDA.
#include "dist/device.hpp"

namespace lapatlas {

GpuSurvey survey_gpus() { return {{}, "this build of LapAtlas has no CUDA (the CMake preset `cuda` has)"}; }

}  // namespace lapatlas
