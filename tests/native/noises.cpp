#include "cases.h"

namespace densor::native {

namespace {

constexpr std::int64_t kRows = 5;
const math::PhiloxKey kKey = math::philox_key(std::uint64_t{0x123456789abcdef});

template <class T>
void dropout(const cpu::DropoutKernels<T>& kernels) {
  const math::DropoutMap map = math::dropout_map(math::DropoutKind::alpha, 0.3);
  Hash whole, spread;
  for (const std::int64_t cols : kWidths) {
    Random random(cols);
    const auto x = stored<T>(random.floats(kRows * cols)), dy = stored<T>(random.floats(kRows * cols));
    std::vector<T> y(x.size()), dx(x.size());
    const cpu::DropoutNoise noise{kKey, 3, 1, 20000};
    std::vector<std::uint16_t> mask(static_cast<std::size_t>(kRows * cpu::mask_words(cols))),
        words(mask.size());
    const cpu::MatrixPart part{0, kRows, 0, cols, cols};
    kernels.forward(y.data(), mask.data(), x.data(), part, noise, map, true);
    kernels.backward(dx.data(), dy.data(), mask.data(), part, 1.4f);
    whole.add(y).add(mask).add(dx);
    kernels.spread(y.data(), mask.data(), x.data(), 0, kRows, cols, noise, map, {1, {cols}, {1}, cols, true},
                   words.data());
    spread.add(y).add(mask);
  }
  report(named<T>("dropout_forward, _backward"), whole);
  report(named<T>("dropout_spread"), spread);
}

void gaussian_noise(const cpu::Kernels& kernels) {
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    const Floats x = Random(cols).floats(kRows * cols);
    Floats y(x.size());
    for (const bool multiplies : {false, true}) {
      kernels.gaussian_noise(y.data(), x.data(), {0, kRows, 0, cols, cols}, {kKey, 3, 1, 0.3f, multiplies});
      hash.add(y);
    }
  }
  report("gaussian_noise", hash);
}

}  // namespace

void random_cases(const cpu::Kernels& kernels) {
  dropout(kernels.floats.dropout);
  dropout(kernels.halves.dropout);
  gaussian_noise(kernels);
  const cpu::RandomSource source{kKey, 7};
  const std::int64_t n = 3001;
  Floats out(n);
  kernels.random_uniform(out.data(), 64, n, source, -1.0f, 3.0f, 1.9999999f);
  report("random_uniform", Hash().add(out));
  kernels.random_normal(out.data(), 64, n, source, 0.5f, 2.0f);
  report("random_normal", Hash().add(out));
  kernels.random_truncated_normal(out.data(), 64, n, source, 0.5f, 2.0f);
  report("random_truncated_normal", Hash().add(out));
  const Floats low = Random(1).floats(33, -1.0f, 0.0f), high = Random(2).floats(33, 0.0f, 1.0f);
  kernels.random_rows(out.data(), low.data(), high.data(), 0, 40, 33, {kKey, 3, 1});
  report("random_rows", Hash().add(out));
  std::vector<std::int64_t> order(n);
  kernels.permutation(order.data(), n, source);
  report("permutation", Hash().add(order));
}

}  // namespace densor::native
