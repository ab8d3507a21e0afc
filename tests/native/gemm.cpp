#include "cpu/gemm/gemm.h"

#include "cases.h"
#include "core/parallel.h"

namespace densor::native {

namespace {

void product(const cpu::Kernels& kernels, const cpu::GemmProblem& problem, bool finishes, Hash& hash) {
  Random random(static_cast<std::uint64_t>(problem.m * 7919 + problem.n * 104729 + problem.k));
  const Floats a = random.floats(problem.m * problem.k), b = random.floats(problem.k * problem.n);
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
  const cpu::GemmPlan plan = cpu::plan_gemm(problem, kernels.gemm.shape, 1);
  run_parallel({1, plan.packed_floats(), {}}, [&](Worker& worker) {
    cpu::run_gemm(kernels, plan, {c.data(), a.data(), b.data()}, finish, worker);
  });
  hash.add(c).add(z);
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
      report(std::string("gemm a") + (transpose_a ? "^T" : "") + " b" + (transpose_b ? "^T" : ""), hash);
    }
  }
}

}  // namespace densor::native
