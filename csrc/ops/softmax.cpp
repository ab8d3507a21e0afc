#include "ops/softmax.h"

#include "core/check.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

Step softmax_forward(const View& y, const View& x) {
  const Check check("softmax_forward");
  const DType dtype = stored_dtype(x);
  check.input("x", x, dtype, {kAny, kAny});
  check.output("y", y, dtype, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  if (on_device(check, {{"y", y}, {"x", x}})) {
    const auto step = [&](const auto& kernels, auto* to, const auto* from) {
      return masking_step(check, kernels.forward, to, from, x.rows(), x.cols());
    };
    const cuda::Launchers& kernels = cuda::launchers();
    if (dtype == DType::f32) return step(kernels.softmax, y.f32(), x.f32());
    return step(kernels.softmax_of_halves, y.as<std::uint16_t>(), x.as<const std::uint16_t>());
  }
  Step step;
  step.name = check.function();
  step.work = 0.8 * static_cast<double>(x.size()) + 15.0 * static_cast<double>(x.rows());
  if (dtype == DType::bf16) step.scratch = x.cols();
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.softmax.forward, y = y.as<T>(), x = x.as<const T>(), rows = x.rows(),
                cols = x.cols()](Worker& worker) {
      const Range mine = worker.split(rows);
      kernel(y + mine.begin * cols, x + mine.begin * cols, mine.size(), cols, worker.scratch());
    };
    return step;
  });
}

Step softmax_backward(const View& dx, const View& dy, const View& y) {
  const Check check("softmax_backward");
  const DType dtype = stored_dtype(dy);
  check.input("dy", dy, dtype, {kAny, kAny});
  check.input("y", y, dtype, {dy.rows(), dy.cols()});
  check.output("dx", dx, dtype, {dy.rows(), dy.cols()});
  check.same_or_disjoint("dx", dx, "dy", dy);
  check.same_or_disjoint("dx", dx, "y", y);
  if (on_device(check, {{"dx", dx}, {"dy", dy}, {"y", y}})) {
    const auto step = [&](const auto& kernels, auto* to, const auto*... from) {
      return masking_step(check, kernels.backward, to, from..., dy.rows(), dy.cols());
    };
    const cuda::Launchers& kernels = cuda::launchers();
    if (dtype == DType::f32) return step(kernels.softmax, dx.f32(), dy.f32(), y.f32());
    return step(kernels.softmax_of_halves, dx.as<std::uint16_t>(), dy.as<const std::uint16_t>(),
                y.as<const std::uint16_t>());
  }
  Step step;
  step.name = check.function();
  step.work = 0.3 * static_cast<double>(dy.size()) + 10.0 * static_cast<double>(dy.rows());
  return with_kernels(dy, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.softmax.backward, dx = dx.as<T>(), dy = dy.as<const T>(),
                y = y.as<const T>(), rows = dy.rows(), cols = dy.cols()](Worker& worker) {
      const Range mine = worker.split(rows);
      const std::int64_t offset = mine.begin * cols;
      kernel(dx + offset, dy + offset, y + offset, mine.size(), cols);
    };
    return step;
  });
}

}  // namespace densor::ops
