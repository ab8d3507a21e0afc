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

// Rows of an array from outside, `stride` bytes from one to the next.
struct FedRows {
  char* data;
  std::int64_t stride;
};

// Keys random numbers; the step comes from the batch.
struct Noise {
  math::PhiloxKey key;
  std::uint32_t stream;
};

// What a block of threads found; kNoPlace: nothing.
inline constexpr std::int64_t kNoPlace = INT64_MAX;
inline constexpr std::int64_t kMostCounts = 2048;
struct NonfiniteCount {
  std::int64_t count, first;
};

// Images with their random numbers, `parameter_count` for each.
struct WarpedImages {
  const float* parameters;
  const float* field;  // or null
  std::int64_t parameter_count;
  math::ImageWarp kind;
  math::ImageSampling sampling;
};

struct ColoredImages {
  const float* parameters;
  const float* other;  // or null
  std::int64_t parameter_count, other_count;
  math::ImageColor kind;
  math::ImageSize size;
  float low, high;
};

struct BlurredImages {
  const float* parameters;
  std::int64_t parameter_count;
  math::ImageSize size;
  std::int64_t across, down;  // taps; 0: six deviations
  float low, high;
};

// Scratch memory of an image, in floats.
struct WarpMap {
  math::Projection projection;
  double reach;
};
inline constexpr std::int64_t kWarpScratch = sizeof(WarpMap) / sizeof(float);
constexpr std::int64_t blur_scratch(const math::ImageSize& size) {
  return size.height * size.width * size.channels + size.width + size.height + 2;
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
  // By dtype of the fed array; null: not read.
  void (*gather[kDTypeCount])(const Queue& queue, float* y, const FedRows& fed, std::int64_t rows,
                              std::int64_t cols, float scale, float offset);
  void (*gather_labels[kDTypeCount])(const Queue& queue, std::int32_t* y, const FedRows& fed,
                                     std::int64_t rows);
  void (*scatter)(const Queue& queue, const FedRows& fed, const float* x, std::int64_t rows,
                  std::int64_t cols);
  void (*copy_matrix)(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols,
                      std::int64_t ldy, std::int64_t ldx);
  void (*transpose)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                    const math::AxisOrder& order);
  void (*standardize)(const Queue& queue, float* y, const float* x, const float* mean, const float* variance,
                      std::int64_t rows, std::int64_t cols, float epsilon, bool invert);
  // Everything that e points at is in device memory; of its outputs the first `folded` may be of reductions.
  void (*expression)(const Queue& queue, const math::Expression& e, std::int64_t folded);

  void (*dropout_forward)(const Queue& queue, float* y, std::uint16_t* mask, const float* x,
                          std::int64_t rows, std::int64_t cols, const Noise& noise, std::uint32_t threshold,
                          const math::DropoutMap& map);
  void (*dropout_spread)(const Queue& queue, float* y, std::uint16_t* mask, const float* x, std::int64_t rows,
                         std::int64_t cols, const Noise& noise, std::uint32_t threshold,
                         const math::DropoutMap& map, const math::NoiseSpread& spread);
  void (*dropout_backward)(const Queue& queue, float* dx, const float* dy, const std::uint16_t* mask,
                           std::int64_t rows, std::int64_t cols, float scale);
  void (*gaussian_noise)(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols,
                         const Noise& noise, float stddev, bool multiplies);
  void (*random_uniform)(const Queue& queue, float* out, std::int64_t n, const Noise& noise, float low,
                         float range, float highest);
  void (*random_normal)(const Queue& queue, float* out, std::int64_t n, const Noise& noise, float mean,
                        float stddev);
  void (*random_truncated_normal)(const Queue& queue, float* out, std::int64_t n, const Noise& noise,
                                  float mean, float stddev);
  void (*random_rows)(const Queue& queue, float* out, const float* low, const float* high, std::int64_t rows,
                      std::int64_t cols, const Noise& noise);
  void (*permutation)(const Queue& queue, std::int64_t* out, std::int64_t n, const Noise& noise);

  void (*monte_carlo_accumulate)(const Queue& queue, float* mean, float* squares, const float* x,
                                 std::int64_t n);
  void (*monte_carlo_deviation)(const Queue& queue, float* deviation, const float* squares, std::int64_t n,
                                std::int64_t samples);
  void (*monte_carlo_entropy)(const Queue& queue, float* entropy, const float* p, std::int64_t rows,
                              std::int64_t cols, bool independent);
  // How many blocks counted; `counts` has room for kMostCounts. Rows are `stride` bytes apart.
  std::int64_t (*count_nonfinite_f32)(const Queue& queue, NonfiniteCount* counts, const void* x,
                                      std::int64_t rows, std::int64_t cols, std::int64_t stride);
  std::int64_t (*count_nonfinite_f64)(const Queue& queue, NonfiniteCount* counts, const void* x,
                                      std::int64_t rows, std::int64_t cols, std::int64_t stride);

  // Need kWarpScratch, a float a channel, and blur_scratch floats of scratch memory for each image.
  void (*image_warp)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                     const WarpedImages& images);
  void (*image_color)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                      const ColoredImages& images);
  void (*image_blur)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                     const BlurredImages& images);

  void (*optimizer)(const Queue& queue, const OptimizerPass& pass);
};

}  // namespace densor::cuda
