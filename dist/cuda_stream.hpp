#pragma once

/// CUDA's stream (cudaStream_t is a pointer to it), for headers that include none of CUDA's.
struct CUstream_st;
