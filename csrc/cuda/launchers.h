// One pointer per kernel of the CUDA side, filled by the stem's .cu file. Null: this op has no CUDA kernel.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/queue.h"
#include "cuda/gemm/problem.h"
#include "cuda/optimizer.h"
#include "math/dropout.h"
#include "math/operands.h"
#include "math/philox.h"

namespace densor::cuda {

// Parts into which the rows of a sum over columns are cut; each takes `cols` floats of scratch memory.
constexpr std::int64_t column_parts(std::int64_t rows) {
  const std::int64_t parts = (rows + 255) / 256;
  return parts < 1 ? 1 : parts < 64 ? parts : 64;
}

struct Launchers {
  // The batch at hand becomes the next one: `rows` further, `hyper` values further, `steps` steps further.
  void (*next_batch)(const Queue& queue, Batch* batch, std::int64_t rows, std::int64_t steps);
  void (*next_repeat)(const Queue& queue, Batch* batch);

  void (*add)(const Queue& queue, float* y, const float* a, const float* b, std::int64_t n);
  void (*rescale)(const Queue& queue, float* y, const float* x, std::int64_t n, float scale, float offset);
  void (*activation_forward)(const Queue& queue, float* y, const float* x, std::int64_t n,
                             math::Activation activation, float alpha);
  void (*activation_backward)(const Queue& queue, float* dz, const float* dy, const float* saved,
                              std::int64_t n, math::Activation activation, float alpha);
  void (*column_sum)(const Queue& queue, float* sum, const float* x, std::int64_t rows, std::int64_t cols);
  void (*softmax_forward)(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols);
  void (*softmax_backward)(const Queue& queue, float* dx, const float* dy, const float* y, std::int64_t rows,
                           std::int64_t cols);
  void (*gemm_simt)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                    const GemmFinish& finish);
  // On the matrix units; products is 1, 3 or 6.
  void (*gemm_mma)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                   const GemmFinish& finish, int products);
  void (*optimizer)(const Queue& queue, const OptimizerPass& pass);
};

}  // namespace densor::cuda
