// One pointer per kernel of the CUDA side, filled by the stem's .cu file. Null: this op has no CUDA kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "core/dtype.h"
#include "core/queue.h"
#include "cuda/dense_chain.h"
#include "cuda/gemm/problem.h"
#include "cuda/optimizer.h"
#include "cuda/phases.h"
#include "math/dropout.h"
#include "math/label_range.h"
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

struct Values {
  const float* data;
  std::int64_t count;
};

// What a block of threads found; kNoPlace: nothing.
inline constexpr std::int64_t kNoPlace = INT64_MAX;
inline constexpr std::int64_t kMostCounts = 2048;
struct BlockCount {
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

// Moments of columns that the product before has left (GemmSums); null: none.
struct GivenMoments {
  const float* parts = nullptr;
  std::int64_t part_rows = 0;
};

// Dropout behind an activation: the mask, a bit an element, tells what passes both. Null: none.
struct FusedDropout {
  std::uint16_t* mask = nullptr;
  Noise noise{};
  std::uint32_t threshold = 0;
  math::DropoutMap map{};
  bool rounded = false;  // what is dropped out is a bfloat16
};
using math::PassedGradient;

// Floats of scratch memory of the passes of batch normalization: three numbers a column, and a column a part.
constexpr std::int64_t batch_norm_scratch(std::int64_t rows, std::int64_t cols) {
  return 3 * (column_parts(rows) + 1) * cols;
}

// An array and its penalty: l1 sum |x| + l2 sum x^2.
struct PenaltyTerm {
  const float* x;
  float* dx;  // or null
  std::int64_t n;
  double l1, l2;
};

// Elements of an array whose penalties a block sums, and how many such pieces an array has; each takes a
// double of scratch memory.
inline constexpr std::int64_t kPenaltyPiece = 4096;
constexpr std::int64_t penalty_pieces(std::int64_t n) { return (n + kPenaltyPiece - 1) / kPenaltyPiece; }

// Floats of scratch memory of layer_norm_parameters.
constexpr std::int64_t layer_norm_scratch(std::int64_t rows, const math::LayerNorm& p) {
  return 2 * column_parts((rows + p.groups - 1) / p.groups * p.spans) * p.groups * p.inner;
}

inline constexpr std::int64_t kSpectralNormScratch = 2;  // floats

// As in cpu/kernels.h; x, y and their gradients are of T, bfloat16 numbers (rounded once) or float32. All but
// inference need batch_norm_scratch.
template <class T>
struct BatchNormLaunchers {
  void (*forward)(const Queue& queue, T* y, float* mean, float* variance, const T* x,
                  const math::BatchNorm& p, const GivenMoments& given, const FusedDropout& drop);
  void (*inference)(const Queue& queue, T* y, const T* x, const float* mean, const float* variance,
                    const math::BatchNorm& p);
  void (*backward)(const Queue& queue, T* dx, float* dgamma, float* dbeta, const T* dy, const T* x,
                   const T* y, const float* mean, const float* variance, const math::BatchNorm& p,
                   const PassedGradient& passed);
  void (*inference_backward)(const Queue& queue, T* dx, float* dgamma, float* dbeta, const T* dy, const T* x,
                             const T* y, const float* mean, const float* variance, const math::BatchNorm& p);
};

// x, y and their gradients are of T, as above.
template <class T>
struct DropoutLaunchers {
  void (*forward)(const Queue& queue, T* y, std::uint16_t* mask, const T* x, std::int64_t rows,
                  std::int64_t cols, const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map,
                  bool positive);
  void (*spread)(const Queue& queue, T* y, std::uint16_t* mask, const T* x, std::int64_t rows,
                 std::int64_t cols, const Noise& noise, std::uint32_t threshold, const math::DropoutMap& map,
                 const math::NoiseSpread& spread);
  void (*backward)(const Queue& queue, T* dx, const T* dy, const std::uint16_t* mask, std::int64_t rows,
                   std::int64_t cols, float scale);
};

// The same; all rows. parameters needs layer_norm_scratch.
template <class T>
struct LayerNormLaunchers {
  void (*forward)(const Queue& queue, T* y, float* statistics, const T* x, std::int64_t rows,
                  const math::LayerNorm& p);
  void (*backward)(const Queue& queue, T* dx, const T* dy, const T* x, const float* statistics,
                   std::int64_t rows, const math::LayerNorm& p);
  void (*parameters)(const Queue& queue, float* dgamma, float* dbeta, const T* dy, const T* x,
                     const float* statistics, std::int64_t rows, const math::LayerNorm& p);
};

template <class T>
struct SoftmaxLaunchers {
  void (*forward)(const Queue& queue, T* y, const T* x, std::int64_t rows, std::int64_t cols);
  void (*backward)(const Queue& queue, T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols);
};

struct Launchers {
  // The batch at hand becomes the next one: `rows` further, `hyper` values further, `steps` steps further.
  void (*next_batch)(const Queue& queue, Batch* batch, std::int64_t rows, std::int64_t steps);
  void (*next_repeat)(const Queue& queue, Batch* batch);
  // Blocks of the kernel that runs these phases; 0: it cannot.
  unsigned (*persistent_blocks)(const Phases& phases);
  void (*persistent)(const Queue& queue, const PersistentRun& run);
  // Only as a phase.
  void (*multiply_phase)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                         const GemmFinish& finish);

  void (*add)(const Queue& queue, float* y, const float* a, const float* b, std::int64_t n);
  // Of bfloat16 numbers, rounded once.
  void (*add_of_halves)(const Queue& queue, std::uint16_t* y, const std::uint16_t* a, const std::uint16_t* b,
                        std::int64_t n);
  void (*rescale)(const Queue& queue, float* y, const float* x, std::int64_t n, float scale, float offset);
  void (*narrow)(const Queue& queue, std::uint16_t* y, const float* x, std::int64_t n);
  void (*widen)(const Queue& queue, float* y, const std::uint16_t* x, std::int64_t n);
  void (*activation_forward)(const Queue& queue, float* y, const float* x, std::int64_t n,
                             math::Activation activation, float alpha);
  void (*activation_backward)(const Queue& queue, float* dz, const float* dy, const float* saved,
                              std::int64_t n, math::Activation activation, float alpha);
  // Of bfloat16 numbers, rounded once.
  void (*activation_forward_of_halves)(const Queue& queue, std::uint16_t* y, const std::uint16_t* x,
                                       std::int64_t n, math::Activation activation, float alpha);
  void (*activation_backward_of_halves)(const Queue& queue, std::uint16_t* dz, const std::uint16_t* dy,
                                        const std::uint16_t* saved, std::int64_t n,
                                        math::Activation activation, float alpha);
  void (*column_sum)(const Queue& queue, float* sum, const float* x, std::int64_t rows, std::int64_t cols);
  // Of bfloat16 numbers, in float32.
  void (*column_sum_of_halves)(const Queue& queue, float* sum, const std::uint16_t* x, std::int64_t rows,
                               std::int64_t cols);
  SoftmaxLaunchers<float> softmax;
  SoftmaxLaunchers<std::uint16_t> softmax_of_halves;
  void (*gemm_simt)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                    const GemmFinish& finish);
  // On the matrix units; products is 1, 3 or 6.
  void (*gemm_mma)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                   const GemmFinish& finish, int products);
  // On the matrix units, operands rounded to TF32.
  void (*gemm_tf32)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                    const GemmFinish& finish);
  // Whether the code in use has wgmma: that for sm_90a, not that for sm_90.
  bool (*has_wgmma)();
  // On sm_90a. m, n and k are not 0; scratch: wgmma_scratch.
  void (*gemm_wgmma)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                     const GemmFinish& finish, const WgmmaTiling& tiling);
  // Of float32 sums that are there; see parts.h.
  void (*gemm_parts)(const Queue& queue, const GemmProblem& problem, const GemmOperands& operands,
                     const GemmFinish& finish, const float* partial, std::int64_t parts);
  // Rows through several dense layers. backward: `gradients` floats of them in all; scratch memory as many
  // for each part, where there are several.
  void (*dense_chain_forward)(const Queue& queue, const DenseChain& chain);
  void (*dense_chain_backward)(const Queue& queue, const DenseChain& chain, std::int64_t gradients);
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

  DropoutLaunchers<float> dropout;
  DropoutLaunchers<std::uint16_t> dropout_of_halves;
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
  // `counts` has room for kMostCounts; every block of threads leaves one. Rows are `stride` bytes apart.
  void (*count_nonfinite_f32)(const Queue& queue, BlockCount* counts, const void* x, std::int64_t rows,
                              std::int64_t cols, std::int64_t stride);
  void (*count_nonfinite_f64)(const Queue& queue, BlockCount* counts, const void* x, std::int64_t rows,
                              std::int64_t cols, std::int64_t stride);
  // Refuses the batch at hand where one of the sums, or of the gradients, is not finite. `totals` and
  // `gradients`, the same as `sums` and `arrays`, are in device memory.
  void (*refuse_nonfinite)(const Queue& queue, const double* const* totals,
                           const std::vector<const double*>& sums, const Values* gradients,
                           const std::vector<Values>& arrays);
  // Counts, as above, values that are no class numbers; by dtype, null: not read.
  void (*label_range[kDTypeCount])(const Queue& queue, BlockCount* counts, const void* x, std::int64_t rows,
                                   std::int64_t cols, std::int64_t stride, const math::LabelRange& range);

  // Need kWarpScratch, two floats a channel, and blur_scratch floats of scratch memory for each image.
  void (*image_warp)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                     const WarpedImages& images);
  void (*image_color)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                      const ColoredImages& images);
  void (*image_blur)(const Queue& queue, float* y, const float* x, std::int64_t rows,
                     const BlurredImages& images);

  // Losses of rows and their gradients by x. A label outside [0, cols) gives loss NaN: labels come from data,
  // and only the kernel sees them.
  void (*mean_squared_error)(const Queue& queue, const math::LossRows& rows);
  void (*mean_absolute_error)(const Queue& queue, const math::LossRows& rows);
  void (*sigmoid_cross_entropy)(const Queue& queue, const math::LossRows& rows);
  // correct (rows,), 1 where accuracy is, else 0; or null.
  void (*softmax_cross_entropy)(const Queue& queue, const math::LossRows& rows, float* correct);
  // As in cpu/kernels.h; a label outside [0, cols) is never right.
  void (*accuracy_sparse)(const Queue& queue, float* correct, const float* x, const std::int32_t* label,
                          std::int64_t rows, std::int64_t cols);
  void (*accuracy_categorical)(const Queue& queue, float* correct, const float* x, const float* target,
                               std::int64_t rows, std::int64_t cols);
  void (*accuracy_binary)(const Queue& queue, float* correct, const float* x, const float* target,
                          std::int64_t rows, std::int64_t cols, float threshold);
  // totals[0] += sum of values * weight (1 where null), totals[1] += n.
  void (*accumulate)(const Queue& queue, double* totals, const float* values, const float* weight,
                     std::int64_t n);

  BatchNormLaunchers<float> batch_norm;
  BatchNormLaunchers<std::uint16_t> batch_norm_of_halves;
  void (*batch_norm_update)(const Queue& queue, float* moving_mean, float* moving_variance, const float* mean,
                            const float* variance, std::int64_t n, const math::MovingAverage& average);

  LayerNormLaunchers<float> layer_norm;
  LayerNormLaunchers<std::uint16_t> layer_norm_of_halves;

  // totals[0], unless null, grows by weight * (all penalties); dx, where there is one, becomes (or grows by)
  // scale * derivative. `by_rows`: the weight counts the rows of a whole batch. Scratch: two floats for each
  // of the arrays' pieces, where there are totals.
  void (*penalty)(const Queue& queue, double* totals, const std::vector<PenaltyTerm>& terms, double weight,
                  bool by_rows, double scale, bool add);
  // w (outer, rows, cols), in place, along the rows.
  void (*norm_constraint)(const Queue& queue, float* w, std::int64_t outer, std::int64_t rows,
                          std::int64_t cols, const math::NormConstraint& p);
  // In place; see ops/spectral_norm.h. Scratch: kSpectralNormScratch.
  void (*spectral_norm)(const Queue& queue, float* w, float* u, float* v, std::int64_t rows,
                        std::int64_t cols, std::int64_t iterations);
  void (*sparsemax)(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols);
  void (*circle_loss)(const Queue& queue, const math::CircleRows& rows);

  // Before the update: what is accumulated, masked where a rule `prepares` variables, norms.
  void (*optimizer_gradients)(const Queue& queue, const OptimizerPass& pass, bool prepares);
  void (*optimizer)(const Queue& queue, const OptimizerPass& pass);
  // Between the two. Adafactor: everything that the update needs of whole variables.
  void (*adafactor)(const Queue& queue, const OptimizerPass& pass,
                    const std::vector<OptimizerMatrix>& matrices);
  // Muon: the matrices that are to be made orthogonal, and y = a x + b y on the way there.
  void (*muon_start)(const Queue& queue, const OptimizerPass& pass, float momentum, bool nesterov);
  void (*muon_combine)(const Queue& queue, float* y, const float* x, float a, float b, std::int64_t n);
};

}  // namespace densor::cuda
