#include "ops/random.h"

#include <cmath>
#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

constexpr double kLargest = std::numeric_limits<float>::max();
constexpr std::int64_t kBlock = 64;  // elements that share Philox counters

cpu::RandomSource source_of(RandomSeed seed) { return {math::philox_key(seed.seed), seed.stream}; }
cuda::Noise noise_of(RandomSeed seed) { return {math::philox_key(seed.seed), seed.stream}; }

// `fill(out, first, n)` for this worker's share of the elements.
template <class Fill>
Step fill_step(const Check& check, const View& out, Fill fill) {
  Step step;
  step.name = check.function();
  const std::int64_t n = out.size();
  step.work = 1.0 * static_cast<double>(n);
  step.run = [fill, out = out.f32(), n](Worker& worker) {
    const Range mine = worker.split(n, kBlock);
    fill(out + mine.begin, mine.begin, mine.size());
  };
  return step;
}

using NormalKernel = void (*)(float*, std::int64_t, std::int64_t, const cpu::RandomSource&, float, float);
using NormalLauncher = decltype(cuda::Launchers::random_normal);

Step normal_step(const char* function, NormalKernel kernel, NormalLauncher cuda::Launchers::* launcher,
                 const View& out, double mean, double stddev, RandomSeed seed) {
  const Check check(function);
  check.any_output("out", out, DType::f32);
  check.number("mean", mean, -kLargest, kLargest);
  check.number("stddev", stddev, 0.0, kLargest);
  if (on_device(check, {{"out", out}}))
    return masking_step(check, cuda::launchers().*launcher, out.f32(), out.size(), noise_of(seed),
                        static_cast<float>(mean), static_cast<float>(stddev));
  return fill_step(check, out,
                   [kernel, source = source_of(seed), mean = static_cast<float>(mean),
                    stddev = static_cast<float>(stddev)](float* to, std::int64_t first, std::int64_t n) {
                     kernel(to, first, n, source, mean, stddev);
                   });
}

}  // namespace

Step random_uniform(const View& out, double low, double high, RandomSeed seed) {
  const Check check("random_uniform");
  check.any_output("out", out, DType::f32);
  check.number("low", low, -kLargest, kLargest);
  check.number("high", high, low, kLargest);
  const auto from = static_cast<float>(low), to = static_cast<float>(high);
  const float range = to - from;
  if (!std::isfinite(range)) check.fail("high", "high - low is beyond float32's range");
  const float highest = from < to ? std::nextafterf(to, from) : from;
  if (on_device(check, {{"out", out}}))
    return masking_step(check, cuda::launchers().random_uniform, out.f32(), out.size(), noise_of(seed), from,
                        range, highest);
  return fill_step(check, out,
                   [kernel = cpu::active().random_uniform, source = source_of(seed), from, range, highest](
                       float* at, std::int64_t first, std::int64_t n) {
                     kernel(at, first, n, source, from, range, highest);
                   });
}

Step random_normal(const View& out, double mean, double stddev, RandomSeed seed) {
  return normal_step("random_normal", cpu::active().random_normal, &cuda::Launchers::random_normal, out, mean,
                     stddev, seed);
}

Step random_truncated_normal(const View& out, double mean, double stddev, RandomSeed seed) {
  return normal_step("random_truncated_normal", cpu::active().random_truncated_normal,
                     &cuda::Launchers::random_truncated_normal, out, mean, stddev, seed);
}

Step random_rows(const View& out, const View& low, const View& high, RandomSeed seed) {
  const Check check("random_rows");
  check.output_matrix("out", out);
  check.input("low", low, DType::f32, {out.cols()});
  check.input("high", high, DType::f32, {out.cols()});
  check.disjoint({{"out", out}}, {{"low", low}, {"high", high}});
  if (on_device(check, {{"out", out}, {"low", low}, {"high", high}}))
    return masking_step(check, cuda::launchers().random_rows, out.f32(), low.f32(), high.f32(), out.rows(),
                        out.cols(), noise_of(seed));
  Step step;
  step.name = check.function();
  step.work = 0.5 * static_cast<double>(out.size());
  step.run = [kernel = cpu::active().random_rows, out = out.f32(), low = low.f32(), high = high.f32(),
              rows = out.rows(), cols = out.cols(), key = math::philox_key(seed.seed),
              stream = seed.stream](Worker& worker) {
    const Range mine = worker.split(rows);
    kernel(out, low, high, mine.begin, mine.end, cols,
           {key, static_cast<std::uint32_t>(worker.batch.step), stream});
  };
  return step;
}

Step permutation(const View& out, RandomSeed seed) {
  const Check check("permutation");
  check.output("out", out, DType::i64, {kAny});
  const std::int64_t n = out.size();
  if (n >= std::int64_t{1} << 32)
    check.fail("out", "has " + std::to_string(n) + " elements, at most 2**32 - 1");
  if (on_device(check, {{"out", out}}))
    return device_step(check, cuda::launchers().permutation, out.as<std::int64_t>(), n, noise_of(seed));
  Step step;
  step.name = check.function();
  step.work = 10.0 * static_cast<double>(n);
  step.run = [kernel = cpu::active().permutation, out = out.as<std::int64_t>(), n,
              source = source_of(seed)](Worker& worker) {
    if (worker.index() == 0) kernel(out, n, source);  // each exchange depends on those before it
  };
  return step;
}

}  // namespace densor::ops
