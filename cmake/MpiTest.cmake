# lapatlas_add_test(NAME name SOURCES file... LIBRARIES lib... LABELS layer [fast] [RANKS 1 2 3 4] [TIMEOUT seconds]
#                   [ARGUMENTS of the binary...])
# One GoogleTest binary, registered once a rank count as name.rN with labels `layer` and `ranksN`.
# A test labelled `fast` also runs under the sanitizers; `long` is left out of CI.
set(LAPATLAS_MPIEXEC_FLAGS "" CACHE STRING "Flags of mpiexec in tests")
# The MPI's part is that of launch/mpirun-env.
set(LAPATLAS_TEST_ENVIRONMENT
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
    PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none OMP_NUM_THREADS=1
    # Open MPI and HDF5 keep allocations to the end of the process.
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1)

# What the sanitizers' build needs of the tests: the target fast_tests builds no other.
add_custom_target(fast_tests)

# lapatlas_register_mpi_test(name ranks labels timeout command...)
function(lapatlas_register_mpi_test name ranks labels timeout)
  add_test(NAME ${name}.r${ranks}
           COMMAND ${MPIEXEC_EXECUTABLE} ${LAPATLAS_MPIEXEC_FLAGS} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${ARGN})
  set_tests_properties(${name}.r${ranks} PROPERTIES
    LABELS "${labels};ranks${ranks}" TIMEOUT ${timeout} PROCESSORS ${ranks}
    ENVIRONMENT "${LAPATLAS_TEST_ENVIRONMENT}" SKIP_REGULAR_EXPRESSION "LAPATLAS_SKIPPED")
endfunction()

function(lapatlas_add_test)
  cmake_parse_arguments(arg "" "NAME;TIMEOUT" "SOURCES;LIBRARIES;LABELS;RANKS;ARGUMENTS" ${ARGN})
  if(NOT arg_RANKS)
    set(arg_RANKS 1 2 3 4)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(test_${arg_NAME} ${arg_SOURCES})
  target_link_libraries(test_${arg_NAME} PRIVATE lapatlas_test_main ${arg_LIBRARIES} GTest::gtest lapatlas_flags)
  set_target_properties(test_${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if("fast" IN_LIST arg_LABELS)
    add_dependencies(fast_tests test_${arg_NAME})
  endif()
  foreach(ranks IN LISTS arg_RANKS)
    lapatlas_register_mpi_test(${arg_NAME} ${ranks} "${arg_LABELS}" ${arg_TIMEOUT} $<TARGET_FILE:test_${arg_NAME}>
                               ${arg_ARGUMENTS})
  endforeach()
endfunction()
