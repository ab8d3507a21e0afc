#include "ops/rescale.h"

#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step rescale(const View& y, const View& x, double scale, double offset) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const Check check("rescale");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  check.number("scale", scale, -kLargest, kLargest);
  check.number("offset", offset, -kLargest, kLargest);
  const std::int64_t n = x.size();
  if (on_device(check, {{"y", y}, {"x", x}}))
    return masking_step(check, cuda::launchers().rescale, y.f32(), x.f32(), n, static_cast<float>(scale),
                        static_cast<float>(offset));
  Step step;
  step.name = "rescale";
  step.work = 0.1 * static_cast<double>(n);
  step.run = [kernel = cpu::active().rescale, y = y.f32(), x = x.f32(), n, scale, offset](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    kernel(y + mine.begin, x + mine.begin, mine.size(), static_cast<float>(scale),
           static_cast<float>(offset));
  };
  return step;
}

}  // namespace densor::ops
