#include "cpu/gemm/gemm.h"

#include "cases.h"
#include "core/parallel.h"

namespace densor::native {

namespace {

enum class Numbers { plain, special, tiny };

// What has no sum of bfloat16 terms, in a few places; or only terms that matrix units read as zero.
void change(Floats& a, std::int64_t places, Numbers numbers, Random& random) {
  const Floats odd = random.odd(places);
  for (std::size_t i = 0; numbers == Numbers::special && i < odd.size(); ++i)
    a[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(a.size())))] = odd[i];
  for (std::size_t i = 0; numbers == Numbers::tiny && i < a.size(); ++i) a[i] *= 0x1p-110f;
}

const float* as_operand(const Halves& x) { return reinterpret_cast<const float*>(x.data()); }

// Of bfloat16 arrays, which matrix units read and write: of a, with the epilogues, or of both operands.
void product_of_halves(const cpu::Kernels& kernels, const cpu::GemmProblem& problem, Hash& hash,
                       Numbers numbers, int workers) {
  Random random(static_cast<std::uint64_t>(problem.m * 7919 + problem.n * 104729 + problem.k));
  Floats a = random.floats(problem.m * problem.k), b = random.floats(problem.k * problem.n);
  change(a, problem.m, numbers, random);
  const Floats bias = random.floats(problem.n), y = random.floats(problem.m * problem.n);
  std::vector<std::uint16_t> mask;
  while (static_cast<std::int64_t>(mask.size()) < problem.m * math::mask_words(problem.n))
    mask.push_back(static_cast<std::uint16_t>(random.bits()));
  const Halves half_a = upper_halves(a), half_b = upper_halves(b), half_y = upper_halves(y);
  Floats c(y.size());
  Halves half_c(y.size()), half_z(y.size());
  cpu::GemmFinish finish{bias.data(), nullptr, math::Activation::relu, 0.0f};
  if (problem.transpose_b)
    finish = {.slope = {mask.data(), 1.25f, math::Activation::relu, 0.0f, as_operand(half_y)}};
  else if (!problem.transpose_a && problem.k % 2 == 0)
    finish = {bias.data(), reinterpret_cast<float*>(half_z.data()), math::Activation::gelu, 0.0f};
  const cpu::GemmPlan plan = cpu::plan_gemm(problem, kernels.gemm.shape, workers);
  run_parallel({workers, plan.packed_floats(), {}}, [&](Worker& worker) {
    cpu::GemmOperands operands{c.data(), as_operand(half_a), b.data(), {}, cpu::GemmHalves::a};
    if (problem.transpose_a) {
      operands.b = as_operand(half_b);
      operands.halves = cpu::GemmHalves::a_and_b;
    } else if (plan.one_pass()) {
      operands.c = reinterpret_cast<float*>(half_c.data());
      operands.halves = cpu::GemmHalves::a_and_c;
    }
    cpu::run_gemm(kernels, plan, operands, plan.one_pass() ? finish : cpu::GemmFinish{}, worker);
  });
  hash.add(c);
  for (const Halves& halves : {half_c, half_z})
    for (const std::uint16_t value : halves) hash.add(std::bit_cast<float>(std::uint32_t{value} << 16U));
}

void product(const cpu::Kernels& kernels, const cpu::GemmProblem& problem, bool finishes, Hash& hash,
             Numbers numbers = Numbers::plain, int workers = 1) {
  Random random(static_cast<std::uint64_t>(problem.m * 7919 + problem.n * 104729 + problem.k));
  Floats a = random.floats(problem.m * problem.k);
  change(a, problem.m, numbers, random);
  const Floats b = random.floats(problem.k * problem.n);
  const Floats bias = random.floats(problem.n);
  Floats c(static_cast<std::size_t>(problem.m * problem.n)), z(c.size());
  cpu::GemmFinish finish;
  if (finishes) finish = {bias.data(), z.data(), math::Activation::gelu, 0.0f};
  if (!finishes && problem.k % 2 == 0) finish = {bias.data(), nullptr, math::Activation::relu, 0.0f};
  const Floats y = random.floats(problem.m * problem.n);
  std::vector<std::uint16_t> mask;
  while (static_cast<std::int64_t>(mask.size()) < problem.m * math::mask_words(problem.n))
    mask.push_back(static_cast<std::uint16_t>(random.bits()));
  if (!finishes && problem.transpose_b)
    finish.slope = {mask.data(), 1.25f, problem.k % 2 == 0 ? math::Activation::relu : math::Activation::selu,
                    0.0f, y.data()};
  const cpu::GemmPlan plan = cpu::plan_gemm(problem, kernels.gemm.shape, workers);
  run_parallel({workers, plan.packed_floats(), {}}, [&](Worker& worker) {
    cpu::run_gemm(kernels, plan, {c.data(), a.data(), b.data()}, finish, worker);
  });
  hash.add(c).add(z);
}

// Products of bfloat16 terms where the target has matrix units: edges of their tiles of 16 and squares of 32,
// more rows than a block and more terms than a pass have, by one worker and by several.
void precision_cases(const cpu::Kernels& kernels, bool transpose_a, bool transpose_b,
                     const std::string& name) {
  constexpr std::int64_t kSizes[][3] = {{1, 1, 1},      {5, 3, 31},     {16, 17, 32},   {33, 15, 33},
                                        {32, 48, 65},   {40, 70, 129},  {130, 34, 300}, {300, 33, 500},
                                        {33, 20, 2600}, {130, 100, 160}};
  for (const auto precision : {cpu::GemmPrecision::medium, cpu::GemmPrecision::high, cpu::GemmPrecision::x6,
                               cpu::GemmPrecision::highest}) {
    Hash hash;
    for (const auto& [m, n, k] : kSizes) {
      const cpu::GemmProblem problem{m, n, k, transpose_a, transpose_b, precision};
      for (const int workers : {1, 3})
        for (const Numbers numbers : {Numbers::plain, Numbers::special, Numbers::tiny}) {
          product(kernels, problem, numbers == Numbers::tiny, hash, numbers, workers);
          if (precision == cpu::GemmPrecision::medium && kernels.gemm.shape.matrix_units &&
              !(transpose_a && transpose_b))
            product_of_halves(kernels, problem, hash, numbers, workers);
        }
    }
    report(name + " " + cpu::precision_name(precision), hash);
  }
}

}  // namespace

// Tile edges, primes, chains (from 256 terms on), and long ones.
void gemm_cases(const cpu::Kernels& kernels) {
  constexpr std::int64_t kSizes[][3] = {{1, 1, 1},      {1, 300, 784}, {32, 300, 784}, {7, 13, 31},
                                        {8, 12, 64},    {9, 13, 65},   {12, 48, 255},  {13, 49, 256},
                                        {16, 96, 257},  {17, 97, 300}, {33, 34, 35},   {64, 10, 100},
                                        {100, 100, 32}, {2, 5, 1100},  {5, 130, 2100}};
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      Hash hash;
      for (const auto& [m, n, k] : kSizes)
        for (const bool finishes : {false, true})
          product(kernels, {m, n, k, transpose_a, transpose_b, cpu::GemmPrecision::ieee}, finishes, hash);
      const std::string name =
          std::string("gemm a") + (transpose_a ? "^T" : "") + " b" + (transpose_b ? "^T" : "");
      report(name, hash);
      precision_cases(kernels, transpose_a, transpose_b, name);
    }
  }
}

}  // namespace densor::native
