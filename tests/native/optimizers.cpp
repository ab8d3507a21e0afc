#include "cases.h"
#include "math/optimizer.h"

namespace densor::native {

namespace {

constexpr std::int64_t kCount = 203;

// The arrays of a step over kCount elements.
struct Arenas {
  Floats w, g, average, slots[math::kMaxOptimizerSlots];
  std::vector<std::uint16_t> mask;
  Floats coefficients;

  explicit Arenas(std::uint64_t seed) : mask((kCount + 15) / 16) {
    Random random(seed);
    w = random.floats(kCount);
    g = random.floats(kCount);
    average = random.floats(kCount);
    for (Floats& slot : slots) slot = random.floats(kCount, 0.1f, 2.0f);
    for (std::uint16_t& word : mask) word = static_cast<std::uint16_t>(random.bits());
    coefficients = random.floats(math::kMaxOptimizerCoefficients, 0.1f, 0.9f);
  }
  cpu::OptimizerRange range(bool extras) {
    cpu::OptimizerRange p{};
    p.w = w.data();
    p.g = g.data();
    for (int k = 0; k < math::kMaxOptimizerSlots; ++k) p.slots[k] = slots[k].data();
    p.coefficients = coefficients.data();
    p.decay = extras ? 0.01f : 0.0f;
    p.clip_factor = 0.7f;
    p.clip_value = extras ? 1.5f : std::numeric_limits<float>::infinity();
    p.average = extras ? average.data() : nullptr;
    p.average_momentum = 0.9f;
    p.mask = extras ? mask.data() : nullptr;
    return p;
  }
  void add_to(Hash& hash) const {
    hash.add(w).add(average);
    for (const Floats& slot : slots) hash.add(slot);
  }
};

// What Adafactor and Muon do with whole variables: vectors, and matrices whose rows end within a register.
void whole_variables(const cpu::Kernels& kernels) {
  Hash hash;
  for (const math::MatrixShape& shape : {math::MatrixShape{1, 0, 0}, math::MatrixShape{2, 3, kCount / 6}}) {
    Arenas arenas(5);
    Floats columns(kCount), direction(kCount);
    const cpu::OptimizerRange range = arenas.range(false);
    const std::int64_t n = shape.rows == 0 ? kCount : shape.count * shape.rows * shape.cols;
    const cpu::TrustSums sums = kernels.adafactor_moments(range, n, shape, columns.data());
    hash.add(sums.weights).add(sums.steps);
    arenas.add_to(hash);
    kernels.muon_direction(direction.data(), range, kCount, 0.9f, shape.rows == 0);
    hash.add(direction);
    arenas.add_to(hash);
  }
  report("adafactor_moments, muon_direction", hash);
}

// Rows and columns that end within tiles and registers.
void norms(const cpu::Kernels& kernels) {
  Hash hash;
  for (const std::int64_t rows : {1, 4, 7, 10}) {
    for (const std::int64_t inputs : kWidths) {
      Random random(static_cast<std::uint64_t>(rows * 131 + inputs));
      constexpr std::int64_t kUnits = 19;
      const Floats x = random.floats(rows * inputs), d = random.floats(rows * kUnits);
      for (std::int64_t tile = 0; tile < cpu::gram_tiles(rows); ++tile)
        hash.add(kernels.gram_norm({x.data(), d.data(), rows, inputs, kUnits}, tile));
    }
  }
  report("gram_norm", hash);
}

}  // namespace

void optimizer_cases(const cpu::Kernels& kernels) {
  math::OptimizerRules::each([&](int index, auto rule) {
    Hash hash;
    for (const bool extras : {false, true}) {
      Arenas arenas(index);
      const cpu::OptimizerRange range = arenas.range(extras);
      for (int step = 0; step < 3; ++step) kernels.optimizer[index](range, kCount);
      arenas.add_to(hash);
    }
    report(std::string("optimizer ") + rule.kName, hash);
  });
  Hash hash;
  for (const bool extras : {false, true}) {
    Arenas arenas(77);
    const cpu::TrustSums sums = kernels.lamb_moments(arenas.range(extras), kCount);
    hash.add(sums.weights).add(sums.steps);
    arenas.add_to(hash);
    kernels.prepare_gradient(arenas.g.data(), extras ? arenas.average.data() : nullptr, arenas.mask.data(),
                             kCount, 0.5f);
    hash.add(arenas.g).add(arenas.average);
  }
  report("lamb_moments, prepare_gradient", hash);
  norms(kernels);
  whole_variables(kernels);
}

}  // namespace densor::native
