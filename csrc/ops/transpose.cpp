#include "ops/transpose.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

// Sizes and strides in the order of the output, axes that stay neighbours as one; at least two.
cpu::AxisOrder order_of(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> stride(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) stride[i - 1] = stride[i] * shape[i];
  cpu::AxisOrder order{2, {1, 1}, {0, 0}};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    const int last = order.count - 1;
    if (i > 0 && axes[i] == axes[i - 1] + 1) {
      order.size[last] *= shape[axis];
      order.stride[last] = stride[axis];
    } else {
      order.size[order.count] = shape[axis];
      order.stride[order.count] = stride[axis];
      ++order.count;
    }
  }
  const int unused =
      order.count >= 4 ? 2 : order.count - 2;  // the leading axes of one, where others make up two
  for (int i = 0; i + unused < order.count; ++i) {
    order.size[i] = order.size[i + unused];
    order.stride[i] = order.stride[i + unused];
  }
  order.count -= unused;
  return order;
}

void check_axes(const Check& check, const std::vector<std::int64_t>& shape,
                const std::vector<std::int64_t>& axes) {
  constexpr std::size_t kMost = cpu::kMaxAxes - 2;  // two are needed at all times
  if (shape.size() > kMost)
    check.fail("shape", "has " + std::to_string(shape.size()) + " axes, at most " + std::to_string(kMost));
  std::vector<bool> seen(shape.size(), false);
  for (const std::int64_t axis : axes) {
    const bool inside = axis >= 0 && axis < static_cast<std::int64_t>(shape.size());
    if (!inside || seen[static_cast<std::size_t>(axis)])
      check.fail("axes", "value " + std::to_string(axis) + " is not one of the axes, or twice");
    seen[static_cast<std::size_t>(axis)] = true;
  }
  if (axes.size() != shape.size())
    check.fail("axes", "has " + std::to_string(axes.size()) + " entries for " + std::to_string(shape.size()) +
                           " axes");
}

}  // namespace

Step transpose(const View& y, const View& x, const std::vector<std::int64_t>& shape,
               const std::vector<std::int64_t>& axes) {
  const Check check("transpose");
  check.matrix("x", x);
  check_axes(check, shape, axes);
  std::int64_t features = 1;
  for (const std::int64_t size : shape) features = checked_multiply(check.function(), features, size);
  if (features != x.cols())
    check.fail("shape",
               "holds " + std::to_string(features) + " values, a row of x " + std::to_string(x.cols()));
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.disjoint("y", y, "x", x);
  const cpu::AxisOrder order = order_of(shape, axes);
  if (on_device(check, {{"y", y}, {"x", x}}))
    return masking_step(check, cuda::launchers().transpose, y.f32(), x.f32(), x.rows(), order);
  Step step;
  step.name = check.function();
  step.work = 0.5 * static_cast<double>(x.size());
  step.run = [kernel = cpu::active().transpose, y = y.f32(), x = x.f32(), rows = x.rows(), cols = x.cols(),
              order](Worker& worker) {
    const Range mine = worker.split(rows);
    kernel(y + mine.begin * cols, x + mine.begin * cols, mine.size(), order);
  };
  return step;
}

}  // namespace densor::ops
