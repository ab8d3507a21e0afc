// What the losses share: the checks of their arguments, and the step that shares the rows out.
#pragma once

#include <limits>

#include "core/check.h"
#include "core/step.h"
#include "core/view.h"
#include "cpu/kernels.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

struct LossViews {
  View loss, dx, x, target, weight;  // dx and weight may be absent
};

// What the gradients of rows are multiplied by. `mean`: it divides by the rows, on a device by those of the
// batch where these are fewer.
struct LossScale {
  double value;
  bool mean;
};

// The whole batch for the kernel; the target is left to the caller.
inline cpu::LossRows checked_loss_rows(const Check& check, const LossViews& v, const LossScale& scale) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  check.matrix("x", v.x);
  if (v.x.cols() == 0) check.fail("x", "expected at least one column, got shape " + shape_text(v.x));
  check.output("loss", v.loss, DType::f32, {v.x.rows()});
  check.optional_output("dx", v.dx, DType::f32, {v.x.rows(), v.x.cols()});
  check.optional_input("weight", v.weight, DType::f32, {v.x.rows()});
  check.number("scale", scale.value, -kLargest, kLargest);
  check.disjoint("dx", v.dx, "x", v.x);
  check.disjoint("dx", v.dx, "target", v.target);
  check.disjoint("dx", v.dx, "weight", v.weight);
  check.disjoint("dx", v.dx, "loss", v.loss);
  check.disjoint("loss", v.loss, "x", v.x);
  check.disjoint("loss", v.loss, "target", v.target);
  check.disjoint("loss", v.loss, "weight", v.weight);
  cpu::LossRows rows{};
  rows.loss = v.loss.f32();
  rows.dx = v.dx.f32();
  rows.x = v.x.f32();
  rows.weight = v.weight.f32();
  rows.rows = v.x.rows();
  rows.cols = v.x.cols();
  rows.scale = static_cast<float>(scale.value);
  rows.mean = scale.mean;
  return rows;
}

inline cpu::LossRows part_of(cpu::LossRows rows, const Range& part) {
  rows.loss += part.begin;
  rows.x += part.begin * rows.cols;
  if (rows.dx != nullptr) rows.dx += part.begin * rows.cols;
  if (rows.label != nullptr) rows.label += part.begin;
  if (rows.target != nullptr) rows.target += part.begin * rows.target_cols;
  if (rows.weight != nullptr) rows.weight += part.begin;
  rows.rows = part.size();
  return rows;
}

inline bool on_device(const Check& check, const LossViews& v) {
  return on_device(check,
                   {{"loss", v.loss}, {"dx", v.dx}, {"x", v.x}, {"target", v.target}, {"weight", v.weight}});
}

// Which launcher of the CUDA side a loss has.
using LossLauncher = void (*cuda::Launchers::*)(const Queue&, const math::LossRows&);

// The step of a loss that is the mean over columns; `cost` is in nanoseconds an element.
inline Step column_loss(const char* name, const LossViews& v, const LossScale& scale, double cost,
                        void (*kernel)(const cpu::LossRows&), LossLauncher launcher) {
  const Check check(name);
  cpu::LossRows rows = checked_loss_rows(check, v, scale);
  const bool broadcast = v.target && v.target.ndim == 2 && v.target.shape[1] == 1;
  rows.target_cols = broadcast ? 1 : rows.cols;
  check.input("target", v.target, DType::f32, {rows.rows, rows.target_cols});
  rows.target = v.target.f32();
  if (on_device(check, v)) return masking_step(check, cuda::launchers().*launcher, rows);
  Step step;
  step.name = name;
  step.work = cost * static_cast<double>(v.x.size());
  step.reads_rows = step.writes_rows = rows.rows;
  step.run = [rows, kernel](Worker& worker) { kernel(part_of(rows, worker.split(rows.rows, kRowUnit))); };
  return step;
}

}  // namespace densor::ops
