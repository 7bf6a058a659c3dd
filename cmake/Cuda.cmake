# The CPU build never needs a CUDA toolkit.
option(LAPATLAS_CUDA "Compile the CUDA and NCCL sources" OFF)
if(LAPATLAS_CUDA)
  message(FATAL_ERROR
    "CUDA and NCCL are not built yet: this version of LapAtlas has no GPU sources. Use the preset `release`, which runs on CPUs.")
endif()
