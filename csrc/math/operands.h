// What kernels take, on the CPU and on a device: plain structs of pointers, sizes and parameters.
#pragma once

#include <cstdint>

#include "math/activation_kind.h"
#include "math/expression_kind.h"
#include "math/image_color_kind.h"
#include "math/image_warp_kind.h"
#include "math/layer_norm_kind.h"
#include "math/optimizer.h"

namespace densor::math {

inline constexpr int kMaxAxes = 8;

// A range of the flat arenas, and one step's numbers.
struct OptimizerRange {
  float* w;
  const float* g;
  float* slots[kMaxOptimizerSlots];
  const float* coefficients;  // of the rule
  float decay;                // w -= w * decay before the rule
  float clip_factor;          // multiplies g; 1: none
  float clip_value;           // bounds |g|; infinity: none
  float* average;             // of w, or null
  float average_momentum;     // share of the old average in the new one
  bool overwrite;             // w becomes the average
  const std::uint16_t* mask;  // bit j of word i is 0 where w[16 i + j] stays 0; or null
  // Part of the columns of a matrix, on the CPU: pieces that lie `ld` elements apart in all arrays but g,
  // where it is `ldg`. With a mask there is one.
  std::int64_t rows = 1, ld = 0, ldg = 0;
};

// A variable as matrices that lie one behind the other; one that is no matrix has rows = 0.
struct MatrixShape {
  std::int64_t count = 1, rows = 0, cols = 0;
};

// Sums of squares of weights and of their steps.
struct TrustSums {
  double weights, steps;
};

// The noise of a row, one value per column of its own smaller array, spread over the axes of the row:
// `stride` is the distance of two values along an axis in that array, 0 where one value serves the whole
// axis.
struct NoiseSpread {
  int count;  // axes
  std::int64_t size[kMaxAxes];
  std::int64_t stride[kMaxAxes];
  std::int64_t columns;
  bool shared;  // all rows have the noise of row 0
};

// What stands beyond the border of an image: a constant; the last pixel; the image mirrored with and without
// its last pixel (reflect, mirror); the image again (wrap).
enum class ImageFill { constant, nearest, reflect, wrap, mirror };

// How a warped image is read.
struct ImageSampling {
  ImageSize size;
  std::int64_t out_height, out_width;
  ImageFill fill;
  float fill_value;
  bool nearest;  // the nearest pixel, else the mean of four
};

// How the values of one image change; see math/image_color_kind.h.
struct ImageColors {
  ImageColor kind;
  ImageSize size;
  ImageBox box;
  float amount, low, high;
  bool happens;
  float threshold;  // of solarize
};

// A symmetric kernel: weight[t] is that of both pixels t away, t <= reach.
struct BlurKernel {
  const float* weight;
  std::int64_t reach;
};

// Rows of a loss: x (rows, cols) against labels, or a target (rows, target_cols), whose single column holds
// for all where target_cols = 1.
struct LossRows {
  float* loss;  // (rows,), not weighted
  float* dx;    // (rows, cols), times scale * weight; or null
  const float* x;
  const std::int32_t* label;  // (rows,), or null
  const float* target;        // or null
  const float* weight;        // (rows,), or null: 1
  std::int64_t rows, cols, target_cols;
  float scale;
  bool mean;  // the scale divides by the rows
};

// Words in a row of a dropout mask: bit j of word w is column 16 w + j.
constexpr std::int64_t mask_words(std::int64_t cols) { return (cols + 15) / 16; }

// Rows of similarities whose loss a call computes. The first is row `first` of the whole matrix.
struct CircleRows {
  float* loss;
  float* dx;  // or null
  const float* x;
  const float* label;      // of the rows
  const float* reference;  // of the columns
  std::int64_t rows, cols, first;
  float gamma, margin;
  bool without_diagonal;
};

// Elements that a register of an expression holds, and how many registers there may be.
inline constexpr std::int64_t kExpressionTile = 256;
inline constexpr std::int64_t kExpressionRegisters = 256;

// `half`: there are bfloat16 numbers behind the pointer.
struct ExpressionOperand {
  const float* data;
  std::int64_t period, width;
  bool half = false;
};

struct ExpressionOutput {
  float* data;
  bool half = false;
};

// See math/expression_kind.h.
struct Expression {
  const Instruction* code;
  const float* constants;
  const ExpressionOperand* operands;
  const ExpressionOutput* outputs;
  std::int64_t length, constant_count, registers, rows, cols;
};

// Columns to normalize: (rows, cols) of matrices whose rows are ld apart.
struct BatchNorm {
  const float* gamma;  // (cols,), or null: 1
  const float* beta;   // (cols,), or null: 0
  std::int64_t rows, cols, ld;
  float epsilon;
  Activation activation;  // one whose derivative is computed from its output
  float alpha;
};

// The gradient of dropout and of the activation before it: `scale` times that of what the mask lets pass.
// Null: neither.
struct PassedGradient {
  const std::uint16_t* mask = nullptr;
  float scale = 1.0f;
  bool rounded = false;  // to bfloat16
};

// The norms that vectors are brought towards, and how far: rate 1 brings them all the way.
struct NormConstraint {
  float low, high, rate;
};

// Each may be null; the arrays of the batch are of T.
template <class T>
struct BatchNormGradients {
  T* dx;
  float* dgamma;
  float* dbeta;
};

// Rows to normalize, each by itself. A row is `spans` times `inner` columns; row i uses row i % groups of
// gamma and beta, its column j their column j % inner.
struct LayerNorm {
  const float* gamma;  // (groups, inner), or null: 1
  const float* beta;   // (groups, inner), or null: 0
  std::int64_t groups, spans, inner;
  float epsilon;
  LayerNormKind kind;
};

// What layer_norm saves of a row: its mean, what the rounding of the mean lost, and 1 / deviation.
inline constexpr int kLayerNormStatistics = 3;

// The axes of a row in the order of the output: their sizes, and their strides in the input, in floats.
struct AxisOrder {
  int count;
  std::int64_t size[kMaxAxes];
  std::int64_t stride[kMaxAxes];
};

// How batch statistics enter the moving ones: moving = moving * momentum + batch * rest, or the batch's own
// where mean and variance are still (0, 1) and `from_first` asks for it. The variance is multiplied by
// `correction` before.
struct MovingAverage {
  float momentum, rest, correction;
  bool from_first;
};

}  // namespace densor::math
