// One instruction of the matrix units: d (16, 8) += a (16, 16) b (16, 8), bfloat16 products summed in
// float32, spread over the lanes of a warp. With g = lane / 4 and t = lane % 4, a lane holds
//   a[0], a[1]: rows g and g + 8, terms 2t and 2t + 1; a[2], a[3]: the same rows, terms 2t + 8 and 2t + 9;
//   b[0], b[1]: terms 2t and 2t + 1, 2t + 8 and 2t + 9, of column g;
//   d[0], d[1]: row g, columns 2t and 2t + 1; d[2], d[3]: row g + 8.
// The first term of a pair lies in the lower half. Ampere and later; the host version is host/mma.cuh.
#pragma once

#include <cstdint>

namespace densor::cuda {

__device__ __forceinline__ void multiply_accumulate(float (&d)[4], const std::uint32_t (&a)[4],
                                                    const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();  // the plan never sends an older GPU here
#endif
}

// The same with 8 terms of TF32: of lane g, t
//   a[0], a[1]: rows g and g + 8, term t; a[2], a[3]: the same rows, term t + 4; b[0], b[1]: terms t and t +
//   4 of column g. The low 13 bits of a number are not read.
__device__ __forceinline__ void multiply_accumulate_tf32(float (&d)[4], const float (&a)[4],
                                                         const float (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
        "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
#else
  __trap();
#endif
}

}  // namespace densor::cuda
