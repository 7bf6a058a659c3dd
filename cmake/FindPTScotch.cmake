# PT-Scotch 7 with 64-bit numbers, built with the MPI in use. Defines PTScotch::PTScotch. Optional.
find_path(PTScotch_INCLUDE_DIR ptscotch.h HINTS ENV SCOTCH_ROOT PATH_SUFFIXES scotch-int64 include/scotch-int64 include)
find_library(PTScotch_LIBRARY ptscotch HINTS ENV SCOTCH_ROOT PATH_SUFFIXES scotch-int64 lib/scotch-int64 lib)
find_library(PTScotch_SEQUENTIAL scotch HINTS ENV SCOTCH_ROOT PATH_SUFFIXES scotch-int64 lib/scotch-int64 lib)
find_library(PTScotch_ERRORS ptscotcherr HINTS ENV SCOTCH_ROOT PATH_SUFFIXES scotch-int64 lib/scotch-int64 lib)
if(PTScotch_INCLUDE_DIR AND EXISTS "${PTScotch_INCLUDE_DIR}/ptscotch.h")
  file(STRINGS "${PTScotch_INCLUDE_DIR}/ptscotch.h" _number REGEX "typedef +(int64_t|long) +SCOTCH_Num")
  if(NOT _number)
    file(STRINGS "${PTScotch_INCLUDE_DIR}/scotch.h" _number REGEX "typedef +(int64_t|long) +SCOTCH_Num")
  endif()
endif()
# Debian's is built with Debian's Open MPI; with another MPI it would speak to the wrong library.
if(PTScotch_LIBRARY MATCHES "^/usr/lib/" AND NOT "${MPI_CXX_LIBRARIES}" MATCHES "^/usr/lib/.*openmpi")
  set(PTScotch_LIBRARY NOTFOUND)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PTScotch REQUIRED_VARS PTScotch_LIBRARY PTScotch_SEQUENTIAL PTScotch_ERRORS
  PTScotch_INCLUDE_DIR _number)
if(PTScotch_FOUND AND NOT TARGET PTScotch::PTScotch)
  add_library(PTScotch::PTScotch UNKNOWN IMPORTED)
  set_target_properties(PTScotch::PTScotch PROPERTIES IMPORTED_LOCATION "${PTScotch_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${PTScotch_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${PTScotch_SEQUENTIAL};${PTScotch_ERRORS}")
endif()
