#pragma once

/// Before a function that CPU and GPU code share.
#ifdef __CUDACC__
#define LAPATLAS_HOST_DEVICE __host__ __device__
#else
#define LAPATLAS_HOST_DEVICE
#endif
