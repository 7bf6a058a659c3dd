# lapatlas_add_python_test(NAME name SCRIPT file.py LABELS label... [TIMEOUT seconds] [RANKS n] [ARGUMENTS argument...])
# A Python script of the tests' own environment (launch/setup --with-tests), registered as one test. It skips visibly
# where that environment is not installed. It starts mpirun itself, in the environment of launch/mpirun-env.
set(_cache "$ENV{LAPATLAS_CACHE}")
if(NOT _cache)
  set(_cache "$ENV{HOME}/.cache/lapatlas")
endif()
set(LAPATLAS_PYTHON "${_cache}/python/bin/python"
    CACHE FILEPATH "Python with anndata and scanpy, for tests against them; where it is missing they are skipped")

function(lapatlas_add_python_test)
  cmake_parse_arguments(arg "" "NAME;SCRIPT;TIMEOUT;RANKS" "LABELS;ARGUMENTS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_RANKS)
    set(arg_RANKS 1)
  endif()
  add_test(NAME ${arg_NAME}
           COMMAND "${CMAKE_SOURCE_DIR}/tests/support/run_python_test.sh" "${LAPATLAS_PYTHON}" "anndata h5py"
                   "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}" ${arg_ARGUMENTS})
  set_tests_properties(${arg_NAME} PROPERTIES
    LABELS "${arg_LABELS};ranks${arg_RANKS}" TIMEOUT ${arg_TIMEOUT} PROCESSORS ${arg_RANKS}
    ENVIRONMENT "${LAPATLAS_TEST_ENVIRONMENT};PYTHONDONTWRITEBYTECODE=1"
    SKIP_REGULAR_EXPRESSION "LAPATLAS_SKIPPED")
endfunction()
