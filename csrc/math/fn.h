// Marks a formula: usable in any kernel body, and on the device when CUDA compiles it.
#pragma once

#if defined(__CUDACC__)
#define DENSOR_FN static __host__ __device__ inline
#else
#define DENSOR_FN static inline
#endif
