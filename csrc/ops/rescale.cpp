#include "ops/rescale.h"

#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"

namespace densor::ops {

Step rescale(const View& y, const View& x, double scale, double offset) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const Check check("rescale");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  check.number("scale", scale, -kLargest, kLargest);
  check.number("offset", offset, -kLargest, kLargest);
  Step step;
  step.name = "rescale";
  step.work = 0.1 * static_cast<double>(x.size());
  const std::int64_t n = x.size();
  step.run = [kernel = cpu::active().rescale, y = y.f32(), x = x.f32(), n, scale, offset](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    kernel(y + mine.begin, x + mine.begin, mine.size(), static_cast<float>(scale),
           static_cast<float>(offset));
  };
  return step;
}

}  // namespace densor::ops
