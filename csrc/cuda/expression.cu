// Expressions (math/expression_kind.h): every thread runs the instructions for one element after the other,
// with its registers in shared memory. Rows that are summed belong to a warp, long ones to a block; each
// thread folds its own columns from the first on, then the threads' results by a fixed tree. Reads each
// operand once and writes each output once.
#include "cuda/device/reduce.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"
#include "cuda/table.h"
#include "math/activation.h"
#include "math/expression.h"

namespace densor::cuda {

namespace {

using math::Instruction;
using math::Opcode;

struct Highest {
  __device__ float operator()(float a, float b) const { return math::maximum(a, b); }
};
struct Lowest {
  __device__ float operator()(float a, float b) const { return math::minimum(a, b); }
};

__device__ __forceinline__ bool is(const Instruction& i, Opcode opcode) {
  return i.opcode == static_cast<std::int32_t>(opcode);
}

__device__ float unary(Opcode opcode, float x) {
  switch (opcode) {
    case Opcode::negative:
      return -x;
    case Opcode::absolute:
      return math::abs(x);
    case Opcode::sign:
      return math::sign(x);
    case Opcode::sqrt:
      return math::sqrt(x);
    case Opcode::floor:
      return math::floor(x);
    case Opcode::round:
      return math::rounded(x);
    case Opcode::exp:
      return math::exp(x);
    case Opcode::expm1:
      return math::expm1(x);
    case Opcode::log:
      return math::log(x);
    case Opcode::log1p:
      return math::log1p(x);
    default:
      return math::erf(x);
  }
}

__device__ float binary(Opcode opcode, float x, float y) {
  switch (opcode) {
    case Opcode::add:
      return x + y;
    case Opcode::subtract:
      return x - y;
    case Opcode::multiply:
      return x * y;
    case Opcode::divide:
      return x / y;
    case Opcode::power:
      return math::power(x, y);
    case Opcode::maximum:
      return math::maximum(x, y);
    case Opcode::minimum:
      return math::minimum(x, y);
    case Opcode::less:
      return x < y ? 1.0f : 0.0f;
    case Opcode::less_equal:
      return x <= y ? 1.0f : 0.0f;
    default:
      return x == y ? 1.0f : 0.0f;
  }
}

struct ValueOf {
  float x, alpha, result;
  template <class F>
  __device__ void operator()(F f) {
    result = f.value(x, alpha);
  }
};

struct SlopeOf {
  float saved, alpha, result;
  template <class F>
  __device__ void operator()(F f) {
    result = f.derivative(saved, alpha);
  }
};

__device__ void store(const math::ExpressionOutput& output, std::int64_t k, float value) {
  if (output.half)
    put(reinterpret_cast<Half*>(output.data) + k, value);
  else
    output.data[k] = value;
}

// One thread: its registers lie `stride` floats apart, and behind them what it has folded for each output.
class Element {
 public:
  __device__ Element(const math::Expression& e, float* registers, int stride)
      : e_(e), registers_(registers), stride_(stride) {
    for (std::int64_t k = 0; k < e.constant_count; ++k) at(k) = e.constants[k];
  }

  __device__ void run(std::int64_t row, std::int64_t col) {
    for (std::int64_t k = 0; k < e_.length; ++k) execute(e_.code[k], row, col);
  }

  __device__ float& folded(std::int64_t output) { return at(e_.registers + output); }

  // Before the first column of a row.
  __device__ void begin_row() {
    for (std::int64_t k = 0; k < e_.length; ++k)
      if (math::is_reduction(e_.code[k].opcode)) folded(e_.code[k].to) = begin_of(e_.code[k]);
  }

 private:
  __device__ float& at(std::int64_t k) { return registers_[k * stride_]; }

  __device__ static float begin_of(const Instruction& i) {
    return is(i, Opcode::highest) ? -math::kInfinity : is(i, Opcode::lowest) ? math::kInfinity : 0.0f;
  }

  __device__ void execute(const Instruction& i, std::int64_t row, std::int64_t col) {
    if (is(i, Opcode::load))
      at(i.to) = load(e_.operands[i.a], row, col);
    else if (is(i, Opcode::store))
      store(e_.outputs[i.to], row * e_.cols + col, at(i.a));
    else if (math::is_reduction(i.opcode))
      fold(i);
    else
      at(i.to) = compute(i);
  }

  __device__ static float load(const math::ExpressionOperand& operand, std::int64_t row, std::int64_t col) {
    if (row >= operand.period) row = operand.period == 1 ? 0 : row % operand.period;
    const std::int64_t k = operand.width == 1 ? row : row * operand.width + col;
    return operand.half ? to_float(reinterpret_cast<const Half*>(operand.data)[k]) : operand.data[k];
  }

  __device__ void fold(const Instruction& i) {
    float& so_far = folded(i.to);
    const float x = at(i.a);
    if (is(i, Opcode::highest))
      so_far = Highest{}(so_far, x);
    else if (is(i, Opcode::lowest))
      so_far = Lowest{}(so_far, x);
    else
      so_far += x;
  }

  __device__ float compute(const Instruction& i) {
    const float a = at(i.a);
    const auto opcode = static_cast<Opcode>(i.opcode);
    if (math::register_count(i.opcode) == 1) return unary(opcode, a);
    const float b = at(i.b);
    if (is(i, Opcode::select)) return a == 0.0f ? at(i.c) : b;
    if (i.opcode < math::kFirstActivation) return binary(opcode, a, b);
    if (i.opcode < math::kFirstSlope) {
      ValueOf f{a, b, 0.0f};
      with_kind(i.opcode - math::kFirstActivation, f);
      return f.result;
    }
    SlopeOf f{a, b, 0.0f};
    with_kind(i.opcode - math::kFirstSlope, f);
    return f.result;
  }

  template <class F>
  __device__ static void with_kind(std::int32_t kind, F& f) {
    math::with_activation<F&>(static_cast<math::Activation>(kind), f);
  }

  const math::Expression& e_;
  float* registers_;
  int stride_;
};

__device__ __forceinline__ int thread_of_block() {
  return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
}

__device__ __forceinline__ int threads_of_block() { return static_cast<int>(blockDim.y * blockDim.x); }

__global__ void elements_kernel(math::Expression e) {
  Element element(e, dynamic_shared<float>() + thread_of_block(), threads_of_block());
  for (std::int64_t i = first_row(); i < e.rows; i += row_stride())
    for (std::int64_t j = first_column(); j < e.cols; j += column_stride()) element.run(i, j);
}

__device__ float combined(const Instruction& i, float value, float other) {
  if (is(i, Opcode::highest)) return Highest{}(value, other);
  if (is(i, Opcode::lowest)) return Lowest{}(value, other);
  return value + other;
}

__device__ void finish(const math::Expression& e, const Instruction& i, std::int64_t row, float value) {
  store(e.outputs[i.to], row, is(i, Opcode::mean) ? value / static_cast<float>(e.cols) : value);
}

// A warp a row.
__global__ void rows_kernel(math::Expression e) {
  Element element(e, dynamic_shared<float>() + thread_of_block(), threads_of_block());
  for (std::int64_t row = first_warp_item(); row < e.rows; row += warp_item_stride()) {
    element.begin_row();
    for (std::int64_t col = lane_index(); col < e.cols; col += kWarpSize) element.run(row, col);
    for (std::int64_t k = 0; k < e.length; ++k) {
      const Instruction& i = e.code[k];
      if (!math::is_reduction(i.opcode)) continue;
      const float value =
          warp_reduce(element.folded(i.to), [&i](float a, float b) { return combined(i, a, b); });
      if (lane_index() == 0) finish(e, i, row, value);
    }
  }
}

// A block a row.
__global__ void long_rows_kernel(math::Expression e) {
  DENSOR_SHARED(float[kThreads / kWarpSize], warps);
  Element element(e, dynamic_shared<float>() + thread_of_block(), threads_of_block());
  const int thread = thread_of_block(), count = threads_of_block() / kWarpSize;
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    element.begin_row();
    for (std::int64_t col = thread; col < e.cols; col += threads_of_block()) element.run(row, col);
    for (std::int64_t k = 0; k < e.length; ++k) {
      const Instruction& i = e.code[k];
      if (!math::is_reduction(i.opcode)) continue;
      float value = warp_reduce(element.folded(i.to), [&i](float a, float b) { return combined(i, a, b); });
      if (lane_index() == 0) warps[thread / kWarpSize] = value;
      __syncthreads();
      if (thread == 0) {
        for (int w = 1; w < count; ++w) value = combined(i, value, warps[w]);
        finish(e, i, row, value);
      }
      __syncthreads();
    }
  }
}

constexpr std::int64_t kLongRow = 512;
constexpr std::size_t kMostShared = 32 * 1024;  // what 32 threads need of the most registers

void expression(const Queue& queue, const math::Expression& e, std::int64_t folded) {
  const auto each = static_cast<std::size_t>(e.registers + folded) * sizeof(float);
  unsigned threads = kThreads;
  while (threads > kWarpSize && threads * each > kMostShared) threads /= 2;
  if (folded == 0) {
    const Tiling tiling = tiling_for(e.rows, e.cols, threads);
    launch(queue, elements_kernel, tiling.grid, tiling.block, threads * each, e);
  } else if (e.cols < kLongRow) {
    launch(queue, rows_kernel, blocks_for(e.rows, threads / kWarpSize), threads, threads * each, e);
  } else {
    launch(queue, long_rows_kernel, blocks_for(e.rows, 1), threads, threads * each, e);
  }
}

}  // namespace

void fill_expression(Launchers& table) { table.expression = expression; }

}  // namespace densor::cuda
