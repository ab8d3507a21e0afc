#include "ops/concatenate.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

// One copy between a part (rows, cols) and the columns of the whole that begin at `offset`; null stands for
// zeros.
struct Part {
  float* data;
  std::int64_t cols, offset;
};

std::vector<Part> parts_of(const Check& check, const char* argument, const std::vector<View>& views,
                           bool written) {
  if (views.empty()) check.fail(argument, "expected at least one array, got none");
  std::vector<Part> parts;
  std::int64_t offset = 0;
  for (const View& view : views) {
    const auto rows = views.front().rows();
    if (written)
      check.output(argument, view, DType::f32, {rows, kAny});
    else
      check.input(argument, view, DType::f32, {rows, kAny});
    parts.push_back({view.f32(), view.cols(), offset});
    offset += view.cols();
  }
  return parts;
}

Step copy_step(const char* name, const View& whole, const std::vector<Part>& parts, bool into_whole) {
  Step step;
  step.name = name;
  if (whole.device == Device::cuda) {
    step.masks_rows = true;
    step.launch = [whole = whole.f32(), rows = whole.rows(), ld = whole.cols(), parts,
                   into_whole](const Queue& queue) {
      const auto copy = cuda::launchers().copy_matrix;
      for (const Part& part : parts)
        if (into_whole)
          copy(queue, whole + part.offset, part.data, rows, part.cols, ld, part.cols);
        else
          copy(queue, part.data, whole + part.offset, rows, part.cols, part.cols, ld);
    };
    return step;
  }
  step.work = 0.15 * static_cast<double>(whole.size());
  step.run = [kernel = cpu::active().copy_matrix, whole = whole.f32(), rows = whole.rows(), ld = whole.cols(),
              parts, into_whole](Worker& worker) {
    const Range mine = worker.split(rows);
    for (const Part& part : parts) {
      float* in_whole = whole + mine.begin * ld + part.offset;
      float* in_part = part.data == nullptr ? nullptr : part.data + mine.begin * part.cols;
      if (into_whole)
        kernel(in_whole, in_part, mine.size(), part.cols, ld, part.cols);
      else
        kernel(in_part, in_whole, mine.size(), part.cols, part.cols, ld);
    }
  };
  return step;
}

}  // namespace

Step concatenate(const View& y, const std::vector<View>& xs) {
  const Check check("concatenate");
  const std::vector<Part> parts = parts_of(check, "xs", xs, false);
  check.output("y", y, DType::f32, {xs.front().rows(), parts.back().offset + parts.back().cols});
  for (const View& x : xs) {
    check.disjoint("y", y, "xs", x);
    on_device(check, {{"y", y}, {"xs", x}});
  }
  return copy_step(check.function(), y, parts, true);
}

Step concatenate_backward(const std::vector<View>& dxs, const View& dy) {
  const Check check("concatenate_backward");
  const std::vector<Part> parts = parts_of(check, "dxs", dxs, true);
  check.input("dy", dy, DType::f32, {dxs.front().rows(), parts.back().offset + parts.back().cols});
  for (const View& dx : dxs) {
    check.disjoint("dxs", dx, "dy", dy);
    on_device(check, {{"dxs", dx}, {"dy", dy}});
  }
  return copy_step(check.function(), dy, parts, false);
}

Step slice_columns(const View& y, const View& x, std::int64_t first) {
  const Check check("slice_columns");
  check.input("x", x, DType::f32, {kAny, kAny});
  check.output("y", y, DType::f32, {x.rows(), kAny});
  check.number("first", static_cast<double>(first), 0, static_cast<double>(x.cols() - y.cols()));
  check.disjoint("y", y, "x", x);
  on_device(check, {{"y", y}, {"x", x}});
  return copy_step(check.function(), x, {{y.f32(), y.cols(), first}}, false);
}

Step slice_columns_backward(const View& dx, const View& dy, std::int64_t first) {
  const Check check("slice_columns_backward");
  check.input("dy", dy, DType::f32, {kAny, kAny});
  check.output("dx", dx, DType::f32, {dy.rows(), kAny});
  check.number("first", static_cast<double>(first), 0, static_cast<double>(dx.cols() - dy.cols()));
  check.disjoint("dx", dx, "dy", dy);
  on_device(check, {{"dx", dx}, {"dy", dy}});
  const auto behind = first + dy.cols();
  std::vector<Part> parts = {{dy.f32(), dy.cols(), first}};
  if (first > 0) parts.push_back({nullptr, first, 0});
  if (behind < dx.cols()) parts.push_back({nullptr, dx.cols() - behind, behind});
  return copy_step(check.function(), dx, parts, true);
}

}  // namespace densor::ops
