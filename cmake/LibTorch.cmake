# The imported target lapatlas_torch: LibTorch from a PyPI wheel or any unpacked LibTorch.
# find_package(Torch) insists on a CUDA toolkit when the wheel was built with one; the CPU build needs none, so the
# target is made by hand. LAPATLAS_LIBTORCH is the folder that holds include/ and lib/ (a wheel's `torch` folder).
set(LAPATLAS_LIBTORCH "$ENV{LAPATLAS_LIBTORCH}" CACHE PATH "Folder of LibTorch: holds include/ and lib/")
set(_default "$ENV{HOME}/.cache/lapatlas/libtorch-2.11.0/torch")
if(NOT LAPATLAS_LIBTORCH AND EXISTS "${_default}/lib/libtorch_cpu.so")
  set(LAPATLAS_LIBTORCH "${_default}" CACHE PATH "Folder of LibTorch: holds include/ and lib/" FORCE)
endif()
if(NOT EXISTS "${LAPATLAS_LIBTORCH}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch not found (LAPATLAS_LIBTORCH='${LAPATLAS_LIBTORCH}'): run launch/setup, or set LAPATLAS_LIBTORCH to a folder with lib/libtorch_cpu.so")
endif()
file(STRINGS "${LAPATLAS_LIBTORCH}/include/torch/headeronly/version.h" _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" LAPATLAS_TORCH_VERSION "${_lines}")
# The wheel's libtorch_cpu.so wants two CUDA runtime libraries that PyPI ships beside it.
file(GLOB _wheel_libs "${LAPATLAS_LIBTORCH}/../nvidia/*/lib")
add_library(lapatlas_torch INTERFACE IMPORTED GLOBAL)
target_include_directories(lapatlas_torch SYSTEM INTERFACE "${LAPATLAS_LIBTORCH}/include"
                           "${LAPATLAS_LIBTORCH}/include/torch/csrc/api/include")
# Operators register themselves when the library loads, so it must be linked even where no symbol is used.
# (As options and not as libraries: CMake would put the folder's own libgomp on the run path and warn of it.)
target_link_options(lapatlas_torch INTERFACE
  "LINKER:--no-as-needed,${LAPATLAS_LIBTORCH}/lib/libtorch_cpu.so,${LAPATLAS_LIBTORCH}/lib/libc10.so,--as-needed")
if(LAPATLAS_CUDA)
  if(NOT EXISTS "${LAPATLAS_LIBTORCH}/lib/libtorch_cuda.so")
    message(FATAL_ERROR "'${LAPATLAS_LIBTORCH}' is a LibTorch for CPUs: run launch/setup --cuda, or set LAPATLAS_LIBTORCH to a folder with lib/libtorch_cuda.so")
  endif()
  target_link_options(lapatlas_torch INTERFACE
    "LINKER:--no-as-needed,${LAPATLAS_LIBTORCH}/lib/libtorch_cuda.so,${LAPATLAS_LIBTORCH}/lib/libc10_cuda.so,--as-needed")
endif()
set(LAPATLAS_TORCH_RPATH "${LAPATLAS_LIBTORCH}/lib" ${_wheel_libs})
foreach(_dir IN LISTS LAPATLAS_TORCH_RPATH)
  target_link_options(lapatlas_torch INTERFACE "LINKER:-rpath,${_dir}")
endforeach()
