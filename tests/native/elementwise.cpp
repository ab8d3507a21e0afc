#include <algorithm>
#include <cstring>

#include "cases.h"

namespace densor::native {

namespace {

using math::Activation;
using math::Instruction;
using math::Opcode;

constexpr std::int64_t kCount = 1003;

template <class T>
void activations(const cpu::ActivationKernels<T>& kernels) {
  for (int a = 0; a < math::kActivationCount; ++a) {
    const auto activation = static_cast<Activation>(a);
    Random random(a);
    Hash hash;
    for (const std::int64_t cols : kWidths) {
      const std::int64_t rows = 5, n = rows * cols;
      const Floats odd = random.odd(n), bias = random.floats(cols), other = random.odd(n);
      const auto x = stored<T>(odd), dy = stored<T>(other);
      std::vector<T> y(n), z(n), dz(n);
      kernels.forward(y.data(), z.data(), x.data(), bias.data(), rows, cols, cols, cols, cols, activation,
                      0.3f);
      hash.add(y).add(z);
      const std::vector<T>& saved = math::saves_input(activation) ? z : y;
      kernels.backward(dz.data(), dy.data(), saved.data(), rows, cols, cols, cols, cols, activation, 0.3f);
      hash.add(dz);
      kernels.of_sums(y.data(), z.data(), odd.data(), bias.data(), rows, cols, cols, cols, cols, activation,
                      0.3f);
      hash.add(y).add(z);
    }
    report(named<T>(std::string("activation ") + math::activation_name(activation)), hash);
  }
}

template <class T>
void sums(const cpu::StoredKernels<T>& kernels, const Floats& one, const Floats& other) {
  const auto a = stored<T>(one), b = stored<T>(other);
  std::vector<T> y(kCount);
  kernels.add(y.data(), a.data(), b.data(), kCount);
  report(named<T>("add"), Hash().add(y));
}

// Every instruction by itself: loads, the instruction, a store.
template <class T>
void instructions(const cpu::Kernels& kernels) {
  constexpr bool kHalf = !std::is_same_v<T, float>;
  const auto operand = [](const std::vector<T>& x) { return reinterpret_cast<const float*>(x.data()); };
  const auto output = [](std::vector<T>& y) {
    return cpu::ExpressionOutput{reinterpret_cast<float*>(y.data()), kHalf};
  };
  for (std::int32_t opcode = static_cast<std::int32_t>(Opcode::sum); opcode < math::kOpcodeCount; ++opcode) {
    Random random(opcode);
    Hash hash;
    for (const std::int64_t cols : {1, 17, 300}) {
      const std::int64_t rows = 4;
      const auto a = stored<T>(random.odd(rows * cols)), b = stored<T>(random.floats(cols)),
                 c = stored<T>(random.odd(rows * cols));
      const float constants[] = {0.25f};
      const cpu::ExpressionOperand operands[] = {
          {operand(a), rows, cols, kHalf}, {operand(b), 1, cols, kHalf}, {operand(c), rows, cols, kHalf}};
      const bool reduces = math::is_reduction(opcode), activates = opcode >= math::kFirstActivation;
      const auto load = static_cast<std::int32_t>(Opcode::load),
                 store = static_cast<std::int32_t>(Opcode::store);
      const Instruction code[] = {{load, 1, 0, 0, 0},
                                  {load, 2, 1, 0, 0},
                                  {load, 3, 2, 0, 0},
                                  {opcode, reduces ? 0 : 4, 1, activates ? 0 : 2, 3},
                                  {store, 1, reduces ? 1 : 4, 0, 0}};
      std::vector<T> sums(rows), y(rows * cols);
      Floats scratch(6 * cpu::kExpressionTile);
      const cpu::ExpressionOutput outputs[] = {output(sums), output(y)};
      kernels.expression({code, constants, operands, outputs, 5, 1, 5, rows, cols}, {0, rows, 0, cols, cols},
                         scratch.data());
      hash.add(sums).add(y);
    }
    report(named<T>("expression " + math::opcode_name(opcode)), hash);
  }
}

template <class T>
void conversions(const cpu::Kernels& kernels, DType dtype, const std::vector<T>& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  Floats y(x.size());
  std::vector<std::int32_t> labels(x.size());
  kernels.convert[static_cast<int>(dtype)](y.data(), x.data(), n, 0.7f, -0.1f);
  kernels.convert_labels[static_cast<int>(dtype)](labels.data(), x.data(), n);
  report(std::string("convert ") + dtype_name(dtype), Hash().add(y).add(labels));
}

template <class T>
std::vector<T> integers(std::uint64_t seed) {
  Random random(seed);
  std::vector<T> x(kCount);
  for (T& value : x) value = static_cast<T>(random.bits());
  return x;
}

void conversions(const cpu::Kernels& kernels) {
  std::vector<std::uint8_t> booleans = integers<std::uint8_t>(1);
  for (std::uint8_t& value : booleans) value &= 1;
  conversions(kernels, DType::boolean, booleans);
  conversions(kernels, DType::u8, integers<std::uint8_t>(2));
  conversions(kernels, DType::u16, integers<std::uint16_t>(3));
  conversions(kernels, DType::u32, integers<std::uint32_t>(4));
  conversions(kernels, DType::u64, integers<std::uint64_t>(5));
  conversions(kernels, DType::i8, integers<std::int8_t>(6));
  conversions(kernels, DType::i16, integers<std::int16_t>(7));
  conversions(kernels, DType::i32, integers<std::int32_t>(8));
  conversions(kernels, DType::i64, integers<std::int64_t>(9));
  const Floats odd = Random(10).odd(kCount);
  conversions(kernels, DType::f32, odd);
  conversions(kernels, DType::f64, std::vector<double>(odd.begin(), odd.end()));
}

void counts(const cpu::Kernels& kernels) {
  const Floats x = Random(11).odd(kCount);
  const std::vector<double> wide(x.begin(), x.end());
  report("count_nonfinite", Hash()
                                .add(kernels.count_nonfinite_f32(x.data(), kCount))
                                .add(kernels.count_nonfinite_f64(wide.data(), kCount)));
  Hash hash;
  for (const float largest : {1.0f, 3.4e38f, std::numeric_limits<float>::infinity()}) {
    Floats y = Random(12).floats(kCount, -1.0f, 1.0f);
    y[700] = -largest;
    hash.add(kernels.largest_magnitude(y.data(), kCount));
  }
  report("largest_magnitude", hash);
}

}  // namespace

void elementwise_cases(const cpu::Kernels& kernels) {
  Random random(1);
  const Floats a = random.odd(kCount), b = random.odd(kCount);
  Floats y(kCount);
  sums(kernels.floats, a, b);
  sums(kernels.halves, a, b);
  kernels.rescale(y.data(), a.data(), kCount, 1.7f, -0.3f);
  report("rescale", Hash().add(y));
  const float* arrays[] = {a.data(), y.data()};
  const float read = kernels.stream(nullptr, arrays, 2, kCount);
  kernels.stream(y.data(), arrays, 1, kCount);
  report("stream", Hash().add(y).add(std::vector<float>{read}));
  std::vector<std::uint16_t> narrow(kCount);
  kernels.narrow(narrow.data(), a.data(), kCount);
  kernels.widen(y.data(), narrow.data(), kCount);
  report("cast", Hash().add(y));
  kernels.copy_matrix(y.data(), a.data(), 10, 33, 40, 50);
  kernels.copy_matrix(y.data() + 3, nullptr, 10, 5, 40, 0);
  report("copy_matrix", Hash().add(y));
  activations(kernels.floats.activation);
  activations(kernels.halves.activation);
  instructions<float>(kernels);
  instructions<std::uint16_t>(kernels);
  conversions(kernels);
  counts(kernels);
}

}  // namespace densor::native
