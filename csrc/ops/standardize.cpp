#include "ops/standardize.h"

#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step standardize(const View& y, const View& x, const View& mean, const View& variance, double epsilon,
                 bool invert) {
  const Check check("standardize");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.optional_input("mean", mean, DType::f32, {x.cols()});
  check.input("variance", variance, DType::f32, {x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  check.disjoint({{"y", y}}, {{"mean", mean}, {"variance", variance}});
  check.number("epsilon", epsilon, 0.0, std::numeric_limits<float>::max());
  const auto least = static_cast<float>(epsilon);
  if (on_device(check, {{"y", y}, {"x", x}, {"mean", mean}, {"variance", variance}}))
    return masking_step(check, cuda::launchers().standardize, y.f32(), x.f32(), mean.f32(), variance.f32(),
                        x.rows(), x.cols(), least, invert);
  Step step;
  step.name = check.function();
  step.work = 0.2 * static_cast<double>(x.size());
  step.run = [kernel = cpu::active().standardize, y = y.f32(), x = x.f32(), mean = mean.f32(),
              variance = variance.f32(), rows = x.rows(), cols = x.cols(), least, invert](Worker& worker) {
    const Range mine = worker.split(rows);
    const std::int64_t offset = mine.begin * cols;
    kernel(y + offset, x + offset, mean, variance, mine.size(), cols, cols, least, invert);
  };
  return step;
}

}  // namespace densor::ops
