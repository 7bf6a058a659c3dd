#pragma once

// Builds for less than AVX-512 (LAPATLAS_ARCH, for machines of several kinds) hold their hot loops for
// AVX-512 and AVX2 too, and the first call takes what the machine has. A build for AVX-512 has nothing left
// to choose; sanitizers start too late for the choice.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && \
    !defined(__AVX512F__) && !defined(__SANITIZE_ADDRESS__) && !defined(LAPATLAS_NO_VECTOR_CLONES)
#define LAPATLAS_VECTOR_CLONES 1
#endif

/// Before a function: the compiler makes its loops for each kind of vectors. What it calls must be inlined to
/// gain by that (LAPATLAS_INLINE).
#ifdef LAPATLAS_VECTOR_CLONES
#define LAPATLAS_WIDEST_VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LAPATLAS_WIDEST_VECTORS
#endif

/// DEFINE(bytes) defines one function for vectors of that many bytes; here it is defined for each kind.
#if defined(LAPATLAS_VECTOR_CLONES)
#define LAPATLAS_FOR_VECTORS(DEFINE)                                                               \
    __attribute__((target("arch=x86-64-v4"))) DEFINE(64) __attribute__((target("arch=x86-64-v3"))) \
    DEFINE(32) __attribute__((target("default"))) DEFINE(16)
#elif defined(__AVX512F__)
#define LAPATLAS_FOR_VECTORS(DEFINE) DEFINE(64)
#elif defined(__AVX__)
#define LAPATLAS_FOR_VECTORS(DEFINE) DEFINE(32)
#else
#define LAPATLAS_FOR_VECTORS(DEFINE) DEFINE(16)
#endif

#if defined(__GNUC__) && !defined(__CUDACC__)
#define LAPATLAS_INLINE inline __attribute__((always_inline))
#else
#define LAPATLAS_INLINE inline
#endif
