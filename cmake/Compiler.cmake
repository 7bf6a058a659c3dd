# Flags of our own code: the target lapatlas_flags is linked by every layer.
add_library(lapatlas_flags INTERFACE)
target_compile_options(lapatlas_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 finds it in its own AVX-512 headers (GCC bug 105593).
  target_compile_options(lapatlas_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(LAPATLAS_WERROR)
  target_compile_options(lapatlas_flags INTERFACE -Werror)
endif()

# -march=native is not used: a compiler cache would hand its objects to another machine unseen.
if(LAPATLAS_ARCH STREQUAL "auto")
  set(_level "")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo _cpu REGEX "^flags" LIMIT_COUNT 1)
    if(_cpu MATCHES " avx512f " AND _cpu MATCHES " avx512bw " AND _cpu MATCHES " avx512cd " AND
       _cpu MATCHES " avx512dq " AND "${_cpu} " MATCHES " avx512vl ")
      set(_level x86-64-v4)
    elseif(_cpu MATCHES " avx2 " AND _cpu MATCHES " fma " AND _cpu MATCHES " bmi2 ")
      set(_level x86-64-v3)
    endif()
  endif()
  set(LAPATLAS_ARCH_USED "${_level}")
else()
  set(LAPATLAS_ARCH_USED "${LAPATLAS_ARCH}")
endif()
if(LAPATLAS_ARCH_USED)
  target_compile_options(lapatlas_flags INTERFACE -march=${LAPATLAS_ARCH_USED})
endif()

if(LAPATLAS_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With less inlining GCC 12 finds the same bug under another name.
    target_compile_options(lapatlas_flags INTERFACE -Wno-uninitialized)
  endif()
  target_compile_options(lapatlas_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined)
  target_link_options(lapatlas_flags INTERFACE -fsanitize=address,undefined)
endif()
