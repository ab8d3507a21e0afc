#include "ops/softmax.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step softmax_forward(const View& y, const View& x) {
  const Check check("softmax_forward");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  if (on_device(check, {{"y", y}, {"x", x}}))
    return masking_step(check, cuda::launchers().softmax_forward, y.f32(), x.f32(), x.rows(), x.cols());
  Step step;
  step.name = check.function();
  step.work = 0.8 * static_cast<double>(x.size()) + 15.0 * static_cast<double>(x.rows());
  step.run = [kernel = cpu::active().softmax_forward, y = y.f32(), x = x.f32(), rows = x.rows(),
              cols = x.cols()](Worker& worker) {
    const Range mine = worker.split(rows);
    kernel(y + mine.begin * cols, x + mine.begin * cols, mine.size(), cols);
  };
  return step;
}

Step softmax_backward(const View& dx, const View& dy, const View& y) {
  const Check check("softmax_backward");
  check.matrix("dy", dy);
  check.input("y", y, DType::f32, {dy.rows(), dy.cols()});
  check.output("dx", dx, DType::f32, {dy.rows(), dy.cols()});
  check.same_or_disjoint("dx", dx, "dy", dy);
  check.same_or_disjoint("dx", dx, "y", y);
  if (on_device(check, {{"dx", dx}, {"dy", dy}, {"y", y}}))
    return masking_step(check, cuda::launchers().softmax_backward, dx.f32(), dy.f32(), y.f32(), dy.rows(),
                        dy.cols());
  Step step;
  step.name = check.function();
  step.work = 0.3 * static_cast<double>(dy.size()) + 10.0 * static_cast<double>(dy.rows());
  step.run = [kernel = cpu::active().softmax_backward, dx = dx.f32(), dy = dy.f32(), y = y.f32(),
              rows = dy.rows(), cols = dy.cols()](Worker& worker) {
    const Range mine = worker.split(rows);
    const std::int64_t offset = mine.begin * cols;
    kernel(dx + offset, dy + offset, y + offset, mine.size(), cols);
  };
  return step;
}

}  // namespace densor::ops
