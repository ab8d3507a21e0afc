// Marks a formula: usable in any kernel body, and on the device when CUDA compiles it. It is always inlined:
// a call would pass vectors through memory. DENSOR_MEMBER is for constructors and functions of an object.
#pragma once

#if defined(__CUDACC__)
#define DENSOR_FN static __host__ __device__ inline
#define DENSOR_MEMBER __host__ __device__
#else
#define DENSOR_FN [[gnu::always_inline]] static inline
#define DENSOR_MEMBER
#endif
