# The CPU build never needs a CUDA toolkit. With LAPATLAS_CUDA the .cu files and what calls NCCL are compiled too; the
# toolkit is needed then, a GPU or its driver is not.
option(LAPATLAS_CUDA "Compile the CUDA and NCCL sources" OFF)
if(LAPATLAS_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    # A100, H100 and H200.
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
  enable_language(CUDA)
  # CMake 3.25 does not know that nvcc speaks C++20.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  find_package(CUDAToolkit REQUIRED)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} $ENV{NCCL_ROOT}/include)
  find_library(NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR} $ENV{NCCL_ROOT}/lib)
  if(NOT NCCL_INCLUDE_DIR OR NOT NCCL_LIBRARY)
    message(FATAL_ERROR "NCCL not found: set NCCL_ROOT to the folder that holds include/nccl.h and lib/libnccl.so")
  endif()
  add_library(lapatlas_cuda INTERFACE)
  # Relaxed constexpr: std::array in functions that CPU and GPU share.
  target_compile_options(lapatlas_cuda INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;-Xcompiler=-Wall,-Wextra>")
  target_include_directories(lapatlas_cuda SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS} "${NCCL_INCLUDE_DIR}")
  # The shared runtime, which LibTorch's CUDA libraries use too; never libcuda itself, which comes with the driver.
  target_link_libraries(lapatlas_cuda INTERFACE CUDA::cudart "${NCCL_LIBRARY}")
endif()
