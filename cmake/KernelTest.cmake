# lapatlas_add_kernel_test(NAME name SOURCES test.cpp... KERNELS file... LABELS layer [RANKS 1 2 3 4] [LIBRARIES lib...]
#                         [TIMEOUT seconds])
# A test of CUDA sources: name_on_host, the .cu files compiled as C++ and run thread by thread
# (tests/support/cuda_on_host), so that their logic is tested without a GPU, under the sanitizers too.
function(lapatlas_add_kernel_test)
  cmake_parse_arguments(arg "" "NAME;TIMEOUT" "SOURCES;KERNELS;LABELS;RANKS;LIBRARIES" ${ARGN})
  list(TRANSFORM arg_KERNELS PREPEND "${PROJECT_SOURCE_DIR}/")
  if(NOT arg_RANKS)
    set(arg_RANKS 1)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set_source_files_properties(${arg_KERNELS} PROPERTIES LANGUAGE CXX)
  lapatlas_add_test(NAME ${arg_NAME}_on_host SOURCES ${arg_SOURCES} ${arg_KERNELS}
                    LIBRARIES lapatlas_cuda_on_host ${arg_LIBRARIES} LABELS ${arg_LABELS} fast RANKS ${arg_RANKS}
                    TIMEOUT ${arg_TIMEOUT})
  # The same on a GPU; without CUDA or a GPU ctest says that it was skipped.
  if(LAPATLAS_CUDA)
    lapatlas_add_test(NAME ${arg_NAME}_on_gpu SOURCES ${arg_SOURCES} LIBRARIES lapatlas_src
                      LABELS ${arg_LABELS} gpu RANKS ${arg_RANKS} TIMEOUT ${arg_TIMEOUT})
  else()
    foreach(ranks IN LISTS arg_RANKS)
      add_test(NAME ${arg_NAME}_on_gpu.r${ranks}
               COMMAND ${CMAKE_COMMAND} -E echo "LAPATLAS_SKIPPED: this build has no CUDA (preset cuda)")
      set_tests_properties(${arg_NAME}_on_gpu.r${ranks} PROPERTIES
        LABELS "${arg_LABELS};gpu;ranks${ranks}" TIMEOUT 60 SKIP_REGULAR_EXPRESSION "LAPATLAS_SKIPPED")
    endforeach()
  endif()
endfunction()
