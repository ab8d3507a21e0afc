// What is used of cuBLASLt, declared here so that neither its header nor its library is needed to build. The
// names behind the comments are the library's; tests/cuda/test_cublaslt.py compares both where its header is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace densor::cuda::cublaslt {

using Status = int;
inline constexpr Status kSuccess = 0;        // CUBLAS_STATUS_SUCCESS
inline constexpr Status kNotSupported = 15;  // CUBLAS_STATUS_NOT_SUPPORTED

inline constexpr int kFloat32 = 0;                 // CUDA_R_32F
inline constexpr int kBfloat16 = 14;               // CUDA_R_16BF
inline constexpr int kCompute32F = 68;             // CUBLAS_COMPUTE_32F
inline constexpr int kCompute32FFast16BF = 75;     // CUBLAS_COMPUTE_32F_FAST_16BF
inline constexpr std::int32_t kNotTransposed = 0;  // CUBLAS_OP_N
inline constexpr std::int32_t kTransposed = 1;     // CUBLAS_OP_T
inline constexpr int kDescTransposeA = 3;          // CUBLASLT_MATMUL_DESC_TRANSA
inline constexpr int kDescTransposeB = 4;          // CUBLASLT_MATMUL_DESC_TRANSB
inline constexpr int kPreferenceMaxWorkspace = 1;  // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
inline constexpr int kPreferenceAlignmentA = 5;    // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES
inline constexpr int kPreferenceAlignmentB = 6;    // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES
inline constexpr int kPreferenceAlignmentC = 7;    // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES
inline constexpr int kPreferenceAlignmentD = 8;    // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES

struct Algorithm {  // cublasLtMatmulAlgo_t
  std::uint64_t data[8];
};
struct Heuristic {  // cublasLtMatmulHeuristicResult_t
  Algorithm algorithm;
  std::size_t workspace;
  Status state;
  float waves;
  int reserved[4];
};

using Handle = void*;      // cublasLtHandle_t
using Desc = void*;        // cublasLtMatmulDesc_t
using Layout = void*;      // cublasLtMatrixLayout_t
using Preference = void*;  // cublasLtMatmulPreference_t
using Stream = void*;      // cudaStream_t

// The entry points by the library's names.
struct Api {
  std::size_t (*cublasLtGetVersion)();
  const char* (*cublasLtGetStatusString)(Status);
  Status (*cublasLtCreate)(Handle*);
  Status (*cublasLtMatmulDescCreate)(Desc*, int compute, int scale);
  Status (*cublasLtMatmulDescDestroy)(Desc);
  Status (*cublasLtMatmulDescSetAttribute)(Desc, int attribute, const void* value, std::size_t size);
  Status (*cublasLtMatrixLayoutCreate)(Layout*, int type, std::uint64_t rows, std::uint64_t cols,
                                       std::int64_t ld);
  Status (*cublasLtMatrixLayoutDestroy)(Layout);
  Status (*cublasLtMatmulPreferenceCreate)(Preference*);
  Status (*cublasLtMatmulPreferenceDestroy)(Preference);
  Status (*cublasLtMatmulPreferenceSetAttribute)(Preference, int attribute, const void* value,
                                                 std::size_t size);
  Status (*cublasLtMatmulAlgoGetHeuristic)(Handle, Desc, Layout a, Layout b, Layout c, Layout d, Preference,
                                           int wanted, Heuristic* found, int* count);
  Status (*cublasLtMatmul)(Handle, Desc, const void* alpha, const void* a, Layout, const void* b, Layout,
                           const void* beta, const void* c, Layout, void* d, Layout, const Algorithm*,
                           void* workspace, std::size_t workspace_bytes, Stream);
};

}  // namespace densor::cuda::cublaslt
