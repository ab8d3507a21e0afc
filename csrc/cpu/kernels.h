// The CPU kernels: one table of function pointers per target, filled by that target's translation unit.
//
// A kernel works on raw pointers and sizes. It does not check, allocate or throw. Outputs come first, then
// inputs, sizes, parameters. `ld*` is the distance between rows in elements. Kernels take the part of the
// arrays they are to work on (the op offsets the pointers); no kernel knows of workers. Pointers need no
// alignment beyond their type's.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "cpu/gemm/kernel.h"
#include "math/dropout.h"
#include "math/operands.h"
#include "math/philox.h"

namespace densor::cpu {

using math::AxisOrder;
using math::BatchNorm;
using math::BatchNormGradients;
using math::BlurKernel;
using math::CircleRows;
using math::Expression;
using math::ExpressionOperand;
using math::ExpressionOutput;
using math::ImageColors;
using math::ImageFill;
using math::ImageSampling;
using math::kExpressionRegisters;
using math::kExpressionTile;
using math::kLayerNormStatistics;
using math::kMaxAxes;
using math::LayerNorm;
using math::LossRows;
using math::mask_words;
using math::MatrixShape;
using math::MovingAverage;
using math::NoiseSpread;
using math::NormConstraint;
using math::OptimizerRange;
using math::PassedGradient;
using math::TrustSums;

// Rows and columns of a contiguous matrix with `cols` columns that a call works on; col_begin is a multiple
// of 16, and so is col_end unless it is cols. Pointers are those of the whole matrix.
struct MatrixPart {
  std::int64_t row_begin, row_end, col_begin, col_end, cols;
};

struct DropoutNoise {
  math::PhiloxKey key;
  std::uint32_t step, stream;
  std::uint32_t threshold;  // of 65536 values
};

// Dropout behind an activation, on the way of batch normalization. Null mask: none.
struct FusedDropout {
  std::uint16_t* mask = nullptr;  // of the columns at work: what passes dropout and activation
  std::int64_t column = 0;        // of the matrix, the first one at work; a multiple of 16
  DropoutNoise noise{};
  math::DropoutMap map{};
  bool rounded = false;  // what is dropped out is a bfloat16
};

struct NormalNoise {
  math::PhiloxKey key;
  std::uint32_t step, stream;
  float stddev;
  bool multiplies;  // x (1 + noise), else x + noise
};

// Keys the noise of the rows of a step.
struct RowNoise {
  math::PhiloxKey key;
  std::uint32_t step, stream;
};

struct RandomSource {
  math::PhiloxKey key;
  std::uint32_t stream;
};

// Matrices x (rows, inputs) and d (rows, units), whose pairs of rows are cut into gram_tiles(rows) tiles.
struct GramOperands {
  const float *x, *d;
  std::int64_t rows, inputs, units;
};
inline constexpr int kGramSide = 4;  // a tile: so many rows, each with so many others
constexpr std::int64_t gram_tiles(std::int64_t rows) {
  const std::int64_t side = (rows + kGramSide - 1) / kGramSide;
  return side * (side + 1) / 2;
}

// What follows is of arrays of T: float32, or bfloat16 numbers, widened when they are read and rounded once.
template <class T>
struct ActivationKernels {
  // v = x + bias[column] (bias may be null); z = v unless z is null; y = activation(v). y may be x.
  void (*forward)(T* y, T* z, const T* x, const float* bias, std::int64_t rows, std::int64_t cols,
                  std::int64_t ldy, std::int64_t ldz, std::int64_t ldx, math::Activation activation,
                  float alpha);
  // The same of float32 sums.
  void (*of_sums)(T* y, T* z, const float* x, const float* bias, std::int64_t rows, std::int64_t cols,
                  std::int64_t ldy, std::int64_t ldz, std::int64_t ldx, math::Activation activation,
                  float alpha);
  // dz = dy * activation'; `saved` holds the activation's input where saves_input(activation), else its
  // output (linear reads none: null). dz may be dy.
  void (*backward)(T* dz, const T* dy, const T* saved, std::int64_t rows, std::int64_t cols,
                   std::int64_t lddz, std::int64_t lddy, std::int64_t ldsaved, math::Activation activation,
                   float alpha);
};

template <class T>
struct DropoutKernels {
  // y = keep ? x * scale + shift : dropped and its mask (bits beyond the last column are 0); y may be x.
  // positive: the mask tells what is kept and above zero.
  void (*forward)(T* y, std::uint16_t* mask, const T* x, const MatrixPart& part, const DropoutNoise& noise,
                  const math::DropoutMap& map, bool positive);
  // The same for rows [begin, end) of `cols` columns whose noise is spread; `words` has room for the mask of
  // a row of noise.
  void (*spread)(T* y, std::uint16_t* mask, const T* x, std::int64_t begin, std::int64_t end,
                 std::int64_t cols, const DropoutNoise& noise, const math::DropoutMap& map,
                 const NoiseSpread& spread, std::uint16_t* words);
  // dx = keep ? dy * scale : 0; dx may be dy.
  void (*backward)(T* dx, const T* dy, const std::uint16_t* mask, const MatrixPart& part, float scale);
};

// y = activation(gamma (x - mean) / sqrt(variance + epsilon) + beta).
template <class T>
struct BatchNormKernels {
  // Writes the columns' mean and biased variance and uses them. With dropout the activation is linear or
  // relu; rows of its mask have mask_words(p.ld) words.
  void (*forward)(T* y, float* mean, float* variance, const T* x, const BatchNorm& p,
                  const FusedDropout& drop);
  // x may be y.
  void (*inference)(T* y, const T* x, const float* mean, const float* variance, const BatchNorm& p);
  // Gradients, with mean and variance functions of x, or constants (inference). y: the output, null where the
  // activation is linear, or a mask tells what passed. dx may be dy.
  void (*backward)(const BatchNormGradients<T>& d, const T* dy, const T* x, const T* y, const float* mean,
                   const float* variance, const BatchNorm& p, const PassedGradient& passed);
  void (*inference_backward)(const BatchNormGradients<T>& d, const T* dy, const T* x, const T* y,
                             const float* mean, const float* variance, const BatchNorm& p);
};

template <class T>
struct LayerNormKernels {
  // Rows [begin, end) of y = gamma (x - mean) / deviation + beta by the kind's mean and deviation; y may be
  // x.
  void (*forward)(T* y, float* statistics, const T* x, std::int64_t begin, std::int64_t end,
                  const LayerNorm& p);
  void (*backward)(T* dx, const T* dy, const T* x, const float* statistics, std::int64_t begin,
                   std::int64_t end, const LayerNorm& p);
  // Gradients of gamma and beta (each may be null) in strips [begin, end) of the groups * ceil(inner / 16)
  // strips that gamma has, summed over all rows in their order.
  void (*parameters)(float* dgamma, float* dbeta, const T* dy, const T* x, const float* statistics,
                     std::int64_t rows, std::int64_t begin, std::int64_t end, const LayerNorm& p);
};

// Each row by itself; y may be x, dx may be dy or y.
template <class T>
struct SoftmaxKernels {
  // `room` holds the exponentials of a row, which bfloat16 would round; float32 needs none.
  void (*forward)(T* y, const T* x, std::int64_t rows, std::int64_t cols, float* room);
  void (*backward)(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols);
};

template <class T>
struct StoredKernels {
  // y[i] = a[i] + b[i]; y may be a or b.
  void (*add)(T* y, const T* a, const T* b, std::int64_t n);
  ActivationKernels<T> activation;
  DropoutKernels<T> dropout;
  BatchNormKernels<T> batch_norm;
  LayerNormKernels<T> layer_norm;
  SoftmaxKernels<T> softmax;
};

struct Kernels {
  const char* name;

  StoredKernels<float> floats;
  StoredKernels<std::uint16_t> halves;

  // rescale: y[i] = x[i] * scale + offset, one rounding each; y may be x.
  void (*rescale)(float* y, const float* x, std::int64_t n, float scale, float offset);
  // One to four arrays are read, and their sum is written unless y is null. Returns a number that depends on
  // all of them: the yardstick of the benchmarks.
  float (*stream)(float* y, const float* const* x, int count, std::int64_t n);

  // cast: float32 rounded to bfloat16, ties to even; and back, which is exact.
  void (*narrow)(std::uint16_t* y, const float* x, std::int64_t n);
  void (*widen)(float* y, const std::uint16_t* x, std::int64_t n);

  // expression: the outputs of the part; scratch holds kExpressionTile floats a register, then a vector an
  // output. A part with reductions has whole rows.
  void (*expression)(const Expression& e, const MatrixPart& part, float* scratch);

  // sum[column] = sum of x over the rows: chains of 64 rows, their sums added in ascending order. The bits do
  // not depend on how the columns are cut into calls.
  void (*column_sum)(float* sum, const float* x, std::int64_t rows, std::int64_t cols, std::int64_t ldx);
  void (*column_sum_of_halves)(float* sum, const std::uint16_t* x, std::int64_t rows, std::int64_t cols,
                               std::int64_t ldx);

  // The projection of each row onto the probabilities; y may be x.
  void (*sparsemax)(float* y, const float* x, std::int64_t rows, std::int64_t cols);

  // y = x + noise, or x (1 + noise), with normal noise; y may be x.
  void (*gaussian_noise)(float* y, const float* x, const MatrixPart& part, const NormalNoise& noise);

  // Elements [first, first + n) of a random array go to out; first is a multiple of 64.
  // uniform: low + u * range with u in [0, 1), at most `highest`; truncated: within 2 stddev of the mean.
  void (*random_uniform)(float* out, std::int64_t first, std::int64_t n, const RandomSource& source,
                         float low, float range, float highest);
  void (*random_normal)(float* out, std::int64_t first, std::int64_t n, const RandomSource& source,
                        float mean, float stddev);
  void (*random_truncated_normal)(float* out, std::int64_t first, std::int64_t n, const RandomSource& source,
                                  float mean, float stddev);
  // Rows [begin, end) of out = low[j] + u (high[j] - low[j]), u in [0, 1).
  void (*random_rows)(float* out, const float* low, const float* high, std::int64_t begin, std::int64_t end,
                      std::int64_t cols, const RowNoise& noise);
  // A uniform permutation of 0..n-1; n < 2^32. The same on every target.
  void (*permutation)(std::int64_t* out, std::int64_t n, const RandomSource& source);

  // Matrix products: see cpu/gemm/gemm.h.
  GemmKernels gemm;

  // One step of a rule (index in math::OptimizerRules) over pieces of n elements.
  void (*optimizer[math::OptimizerRules::kCount])(const OptimizerRange& range, std::int64_t n);
  // The first part of math::Lamb over n elements.
  TrustSums (*lamb_moments)(const OptimizerRange& range, std::int64_t n);
  // The first part of math::Adafactor over a variable of n elements; `columns` has room for a row.
  TrustSums (*adafactor_moments)(const OptimizerRange& range, std::int64_t n, const MatrixShape& shape,
                                 float* columns);
  // m = momentum m + g, and out = g + momentum m, or the new m, with the clipped g; of math::Muon.
  void (*muon_direction)(float* out, const OptimizerRange& range, std::int64_t n, float momentum,
                         bool nesterov);
  // g = (g + accumulator) * scale and accumulator = 0 where there is one; then g = 0 where the mask says so.
  void (*prepare_gradient)(float* g, float* accumulator, const std::uint16_t* mask, std::int64_t n,
                           float scale);
  // Sum of x[i]^2 in double; its order depends on n only.
  double (*sum_of_squares)(const float* x, std::int64_t n);

  // The share of one tile of pairs of rows in the sum of squares of x^T d, in double.
  double (*gram_norm)(const GramOperands& p, std::int64_t tile);

  // l1 sum |x| + l2 sum x^2 in double; its order depends on n only.
  double (*penalty_value)(const float* x, std::int64_t n, double l1, double l2);
  // dx (or dx +) = l1 sign(x) + 2 l2 x.
  void (*penalty_gradient)(float* dx, const float* x, std::int64_t n, float l1, float l2, bool add);
  // Rescales each column (each row) in place; math/norm_constraint.h. The bits of a column do not depend on
  // how the columns are cut into calls at multiples of 16.
  void (*norm_constraint_columns)(float* w, std::int64_t rows, std::int64_t cols, std::int64_t ld,
                                  const NormConstraint& p);
  void (*norm_constraint_rows)(float* w, std::int64_t rows, std::int64_t cols, const NormConstraint& p);

  // Losses of rows and their gradients by x; dx may be none of the inputs.
  void (*mean_squared_error)(const LossRows& rows);
  void (*mean_absolute_error)(const LossRows& rows);
  void (*sigmoid_cross_entropy)(const LossRows& rows);
  // On logits. A label outside [0, cols) matches no class and gives loss NaN.
  void (*softmax_cross_entropy)(const LossRows& rows);

  // Of similarities between rows and columns; dx may be x.
  void (*circle_loss)(const CircleRows& rows);

  // correct[i] = argmax(x_i) == label[i], argmax(x_i) == argmax(target_i) (1 or 0), or the mean over columns
  // of (x > threshold) == target.
  void (*accuracy_sparse)(float* correct, const float* x, const std::int32_t* label, std::int64_t rows,
                          std::int64_t cols);
  void (*accuracy_categorical)(float* correct, const float* x, const float* target, std::int64_t rows,
                               std::int64_t cols);
  void (*accuracy_binary)(float* correct, const float* x, const float* target, std::int64_t rows,
                          std::int64_t cols, float threshold);
  // total + values[0] * weight[0] + values[1] * weight[1] + ...; weight may be null.
  double (*accumulate)(double total, const float* values, const float* weight, std::int64_t n);

  // y = x, or 0 where x is null.
  void (*copy_matrix)(float* y, const float* x, std::int64_t rows, std::int64_t cols, std::int64_t ldy,
                      std::int64_t ldx);
  // By dtype of x (float16: null): y[i] = x[i] * scale + offset, one rounding each; and labels, -1 where x[i]
  // is negative or too large.
  void (*convert[kDTypeCount])(float* y, const void* x, std::int64_t n, float scale, float offset);
  void (*convert_labels[kDTypeCount])(std::int32_t* y, const void* x, std::int64_t n);
  // How many of n < 2^32 values are NaN or infinite.
  std::int64_t (*count_nonfinite_f32)(const void* x, std::int64_t n);
  std::int64_t (*count_nonfinite_f64)(const void* x, std::int64_t n);
  // The bits of the largest |x[i]|, which are ordered as the magnitudes are, NaN above infinity; 0 for n ==
  // 0.
  std::uint32_t (*largest_magnitude)(const float* x, std::int64_t n);

  void (*batch_norm_update)(float* moving_mean, float* moving_variance, const float* mean,
                            const float* variance, std::int64_t n, const MovingAverage& average);

  // y = (x - mean) / deviation, or x deviation + mean where `invert`, with deviation = max(sqrt(variance),
  // epsilon) of each column; mean may be null: 0. y may be x.
  void (*standardize)(float* y, const float* x, const float* mean, const float* variance, std::int64_t rows,
                      std::int64_t cols, std::int64_t ld, float epsilon, bool invert);

  // out[row] = sum of w[row][j] x[j] for rows [begin, end); out[j] = sum of w[row][j] x[row] for columns
  // [begin, end), begin a multiple of 16.
  void (*rows_times)(float* out, const float* w, const float* x, std::int64_t begin, std::int64_t end,
                     std::int64_t cols);
  void (*columns_times)(float* out, const float* w, const float* x, std::int64_t rows, std::int64_t begin,
                        std::int64_t end, std::int64_t cols);

  // mean and sum of squared deviations of the samples so far, with sample number `index` (from 0) in it.
  void (*monte_carlo_accumulate)(float* mean, float* squares, const float* x, std::int64_t n,
                                 std::int64_t index);
  // deviation[i] = sqrt(squares[i] / samples).
  void (*monte_carlo_deviation)(float* deviation, const float* squares, std::int64_t n, std::int64_t samples);
  // Entropy of each row of probabilities in nats: of one choice of cols, or the sum of cols independent ones.
  void (*monte_carlo_entropy)(float* entropy, const float* p, std::int64_t rows, std::int64_t cols,
                              bool independent);

  // One image. y is read from x along the projection, moved by reach times the field (pixels, 2) unless that
  // is null.
  void (*image_warp)(float* y, const float* x, const float* field, const math::Projection& p, double reach,
                     const ImageSampling& s);
  void (*image_color)(float* y, const float* x, const float* other, const ImageColors& a);
  // `room` is another image. y is x blurred along both axes and bounded.
  void (*image_blur)(float* y, const float* x, float* room, const math::ImageSize& size,
                     const BlurKernel& across, const BlurKernel& down, float low, float high);

  // Every row of x with its axes in another order.
  void (*transpose)(float* y, const float* x, std::int64_t rows, const AxisOrder& order);
};

}  // namespace densor::cpu
