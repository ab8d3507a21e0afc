#include "ops/sparsemax.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step sparsemax(const View& y, const View& x) {
  const Check check("sparsemax");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  if (on_device(check, {{"y", y}, {"x", x}}))
    return masking_step(check, cuda::launchers().sparsemax, y.f32(), x.f32(), x.rows(), x.cols());
  Step step;
  step.name = check.function();
  step.work = 0.8 * static_cast<double>(x.size()) + 60.0 * static_cast<double>(x.rows());
  step.run = [kernel = cpu::active().sparsemax, y = y.f32(), x = x.f32(), rows = x.rows(),
              cols = x.cols()](Worker& worker) {
    const Range mine = worker.split(rows);
    kernel(y + mine.begin * cols, x + mine.begin * cols, mine.size(), cols);
  };
  return step;
}

}  // namespace densor::ops
