#include "ops/gaussian_noise.h"

#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step gaussian_noise(const View& y, const View& x, double stddev, bool multiplies, std::uint64_t seed,
                    std::uint32_t stream) {
  const Check check("gaussian_noise");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  check.number("stddev", stddev, 0.0, std::numeric_limits<float>::max());
  if (on_device(check, {{"y", y}, {"x", x}}))
    return masking_step(check, cuda::launchers().gaussian_noise, y.f32(), x.f32(), x.rows(), x.cols(),
                        cuda::Noise{math::philox_key(seed), stream}, static_cast<float>(stddev), multiplies);
  Step step;
  step.name = check.function();
  step.work = 1.0 * static_cast<double>(x.size());
  cpu::declare_shares(step, x.rows(), x.cols());
  step.run = [kernel = cpu::active().gaussian_noise, y = y.f32(), x = x.f32(), rows = x.rows(),
              cols = x.cols(), key = math::philox_key(seed), stream, multiplies,
              deviation = static_cast<float>(stddev)](Worker& worker) {
    const auto number = static_cast<std::uint32_t>(worker.batch.step);
    kernel(y, x, cpu::share_of(worker, rows, cols), {key, number, stream, deviation, multiplies});
  };
  return step;
}

}  // namespace densor::ops
