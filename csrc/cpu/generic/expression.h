// Expressions (math/expression_kind.h): every instruction runs over a tile before the next one does, so that
// decoding costs nothing against the work and registers stay in the cache.
//
// A tile is as many whole rows as fit into kExpressionTile elements, or a piece of one longer row. A row is
// summed in sixteen lanes from its first column on, then by their fixed tree: the same bits however rows are
// cut into tiles and calls. Reads each operand once and writes each output once, those of bfloat16 numbers as
// they lie: registers are float32.
#pragma once

#include "cpu/generic/bf16.h"
#include "cpu/generic/reduce.h"
#include "cpu/kernels.h"
#include "math/activation.h"
#include "math/expression.h"

namespace densor::cpu {
namespace {

inline std::int64_t whole_vectors(std::int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Registers are as long as whole vectors; what lies behind the last element is computed and never stored.
template <class F>
void each_of(float* to, const float* a, std::int64_t n, F f) {
  for (std::int64_t i = 0; i < n; i += kLanes) f(Vec::load(a + i)).store(to + i);
}

template <class F>
void each_of(float* to, const float* a, const float* b, std::int64_t n, F f) {
  for (std::int64_t i = 0; i < n; i += kLanes) f(Vec::load(a + i), Vec::load(b + i)).store(to + i);
}

inline Vec one_or_zero(Mask m) { return select(m, Vec(1.0f), Vec(0.0f)); }

class ExpressionTile {
 public:
  ExpressionTile(const Expression& e, float* scratch) : e_(e), own_(scratch) {
    sums_ = own_ + e.registers * kExpressionTile;
    for (std::int64_t i = 0; i < e.registers; ++i) at_[i] = own_ + i * kExpressionTile;
    for (std::int64_t i = 0; i < e.constant_count; ++i) fill(tile_of(i), kExpressionTile, e.constants[i]);
  }

  // Rows [row, row + rows) and columns [col, col + width): whole rows, or a piece of one.
  void run(std::int64_t row, std::int64_t rows, std::int64_t col, std::int64_t width) {
    row_ = row;
    rows_ = rows;
    col_ = col;
    width_ = width;
    n_ = whole_vectors(rows * width);
    for (const math::Instruction* i = e_.code; i != e_.code + e_.length; ++i) execute(*i);
  }

 private:
  using Opcode = math::Opcode;

  float* tile_of(std::int64_t i) const { return own_ + i * kExpressionTile; }

  static void fill(float* to, std::int64_t n, float value) {
    const Vec v(value);
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) v.store(to + i);
    if (i < n) v.store_first(to + i, static_cast<int>(n - i));
  }

  template <class To, class From>
  static void copy(To* to, const From* from, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) round_lanes(to + i, kLanes, load_lanes(from + i, kLanes));
    if (i < n) {
      const int rest = static_cast<int>(n - i);
      round_lanes(to + i, rest, load_lanes(from + i, rest));
    }
  }

  [[gnu::noinline]] void execute(const math::Instruction& i) {
    if (i.opcode == static_cast<std::int32_t>(Opcode::load)) return load(i.to, e_.operands[i.a]);
    if (i.opcode == static_cast<std::int32_t>(Opcode::store))
      return store(e_.outputs[i.to], row_ * e_.cols + col_, at_[i.a], rows_ * width_);
    if (math::is_reduction(i.opcode)) return reduce(i);
    compute(tile_of(i.to), i);
    at_[i.to] = tile_of(i.to);  // not before: the instruction may read the register, from wherever it is
  }

  void compute(float* to, const math::Instruction& i) {
    if (i.opcode >= math::kFirstSlope) return slope(to, i);
    if (i.opcode >= math::kFirstActivation) return activate(to, i);
    if (math::register_count(i.opcode) == 1) return unary(to, i);
    binary(to, i);
  }

  // From element `first` of the output on.
  static void store(const ExpressionOutput& output, std::int64_t first, const float* from, std::int64_t n) {
    if (output.half)
      copy(reinterpret_cast<std::uint16_t*>(output.data) + first, from, n);
    else
      copy(output.data + first, from, n);
  }

  void load(std::int32_t to, const ExpressionOperand& operand) {
    at_[to] = tile_of(to);
    const bool whole = operand.width == e_.cols && operand.period == e_.rows;
    if (whole && !operand.half && rows_ * width_ == n_)
      at_[to] = operand.data + row_ * e_.cols + col_;
    else if (operand.half)
      load(tile_of(to), reinterpret_cast<const std::uint16_t*>(operand.data), operand, whole);
    else
      load(tile_of(to), operand.data, operand, whole);
  }

  template <class T>
  void load(float* own, const T* data, const ExpressionOperand& operand, bool whole) {
    if (whole) return copy(own, data + row_ * e_.cols + col_, rows_ * width_);
    for (std::int64_t r = 0; r < rows_; ++r) {
      const T* from = data + (row_ + r) % operand.period * operand.width;
      if (operand.width == 1)
        fill(own + r * width_, width_, number(*from));
      else
        copy(own + r * width_, from + col_, width_);
    }
  }

  void unary(float* to, const math::Instruction& i) {
    const float* a = at_[i.a];
    switch (static_cast<Opcode>(i.opcode)) {
      case Opcode::negative:
        return each_of(to, a, n_, [](Vec x) { return -x; });
      case Opcode::absolute:
        return each_of(to, a, n_, [](Vec x) { return abs(x); });
      case Opcode::sign:
        return each_of(to, a, n_, [](Vec x) { return math::sign(x); });
      case Opcode::sqrt:
        return each_of(to, a, n_, [](Vec x) { return sqrt(x); });
      case Opcode::floor:
        return each_of(to, a, n_, [](Vec x) { return math::floor(x); });
      case Opcode::round:
        return each_of(to, a, n_, [](Vec x) { return math::rounded(x); });
      case Opcode::exp:
        return each_of(to, a, n_, [](Vec x) { return math::exp(x); });
      case Opcode::expm1:
        return each_of(to, a, n_, [](Vec x) { return math::expm1(x); });
      case Opcode::log:
        return each_of(to, a, n_, [](Vec x) { return math::log(x); });
      case Opcode::log1p:
        return each_of(to, a, n_, [](Vec x) { return math::log1p(x); });
      default:
        return each_of(to, a, n_, [](Vec x) { return math::erf(x); });
    }
  }

  void binary(float* to, const math::Instruction& i) {
    const float *a = at_[i.a], *b = at_[i.b];
    switch (static_cast<Opcode>(i.opcode)) {
      case Opcode::add:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return x + y; });
      case Opcode::subtract:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return x - y; });
      case Opcode::multiply:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return x * y; });
      case Opcode::divide:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return x / y; });
      case Opcode::power:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return math::power(x, y); });
      case Opcode::maximum:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return math::maximum(x, y); });
      case Opcode::minimum:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return math::minimum(x, y); });
      case Opcode::less:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return one_or_zero(x < y); });
      case Opcode::less_equal:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return one_or_zero(x <= y); });
      case Opcode::equal:
        return each_of(to, a, b, n_, [](Vec x, Vec y) { return one_or_zero(x == y); });
      default:
        return select_between(to, a, b, at_[i.c]);
    }
  }

  void select_between(float* to, const float* condition, const float* a, const float* b) const {
    for (std::int64_t i = 0; i < n_; i += kLanes)
      select(Vec::load(condition + i) == Vec(0.0f), Vec::load(b + i), Vec::load(a + i)).store(to + i);
  }

  void activate(float* to, const math::Instruction& i) {
    math::with_activation(static_cast<math::Activation>(i.opcode - math::kFirstActivation), [&](auto kind) {
      each_of(to, at_[i.a], at_[i.b], n_, [kind](Vec x, Vec alpha) { return kind.value(x, alpha); });
    });
  }

  void slope(float* to, const math::Instruction& i) {
    math::with_activation(static_cast<math::Activation>(i.opcode - math::kFirstSlope), [&](auto kind) {
      each_of(to, at_[i.a], at_[i.b], n_, [kind](Vec x, Vec alpha) { return kind.derivative(x, alpha); });
    });
  }

  void reduce(const math::Instruction& i) {
    const auto opcode = static_cast<Opcode>(i.opcode);
    for (std::int64_t r = 0; r < rows_; ++r) {
      const float* x = at_[i.a] + r * width_;
      float* kept = sums_ + i.to * kLanes;  // of a row longer than a tile
      if (opcode == Opcode::sum || opcode == Opcode::mean) {
        const Vec total = chain(x, kept, 0.0f, [](Vec t, Vec v) { return t + v; });
        if (ends_row()) {
          const float sum = sum_lanes(total);
          put(i.to, row_ + r, opcode == Opcode::sum ? sum : sum / static_cast<float>(e_.cols));
        }
        continue;
      }
      const float sign = opcode == Opcode::highest ? 1.0f : -1.0f;  // the lowest x is the highest -x, negated
      const Vec factor(sign);
      const Vec top = chain(
          x, kept, -math::kInfinity, [factor](Vec t, Vec v) { return math::maximum(t, factor * v); }, sign);
      if (ends_row())
        put(i.to, row_ + r, sign * (any(!(top == top)) ? math::kInfinity - math::kInfinity : max_lanes(top)));
    }
  }

  void put(std::int32_t output, std::int64_t row, float value) const {
    const ExpressionOutput& out = e_.outputs[output];
    if (out.half)
      round_lanes(reinterpret_cast<std::uint16_t*>(out.data) + row, 1, Vec(value));
    else
      out.data[row] = value;
  }

  bool ends_row() const { return col_ + width_ == e_.cols; }

  // f(... f(f(begin, first lanes), next lanes) ...) over a row, or over the piece of it that is at hand.
  template <class F>
  Vec chain(const float* x, float* kept, float begin, F f, float sign = 1.0f) const {
    Vec total = col_ == 0 ? Vec(begin) : Vec::load(kept);
    std::int64_t j = 0;
    for (; j + kLanes <= width_; j += kLanes) total = f(total, Vec::load(x + j));
    if (const int rest = static_cast<int>(width_ - j); rest > 0)
      total = f(total, first_lanes(Vec::load_first(x + j, rest), rest, sign * begin));
    if (!ends_row()) total.store(kept);
    return total;
  }

  const Expression& e_;
  float* own_;
  float* sums_;
  const float* at_[kExpressionRegisters];
  std::int64_t row_ = 0, rows_ = 0, col_ = 0, width_ = 0, n_ = 0;
};

void expression(const Expression& e, const MatrixPart& part, float* scratch) {
  ExpressionTile tile(e, scratch);
  const std::int64_t width = part.col_end - part.col_begin;
  if (width == e.cols && width <= kExpressionTile) {
    const std::int64_t rows = kExpressionTile / width;
    for (std::int64_t i = part.row_begin; i < part.row_end; i += rows)
      tile.run(i, i + rows < part.row_end ? rows : part.row_end - i, 0, width);
    return;
  }
  for (std::int64_t i = part.row_begin; i < part.row_end; ++i)
    for (std::int64_t j = part.col_begin; j < part.col_end; j += kExpressionTile)
      tile.run(i, 1, j, part.col_end - j < kExpressionTile ? part.col_end - j : kExpressionTile);
}

void fill_expression(Kernels& k) { k.expression = expression; }

}  // namespace
}  // namespace densor::cpu
