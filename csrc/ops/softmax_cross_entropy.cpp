#include "ops/softmax_cross_entropy.h"

#include "cpu/dispatch.h"

namespace densor::ops {

Step softmax_cross_entropy(const LossViews& v, const LossScale& scale) {
  const Check check("softmax_cross_entropy");
  cpu::LossRows rows = checked_loss_rows(check, v, scale);
  if (v.target && v.target.ndim == 2) {
    check.input("target", v.target, DType::f32, {rows.rows, rows.cols});
    rows.target = v.target.f32();
    rows.target_cols = rows.cols;
  } else {
    check.input("target", v.target, DType::i32, {rows.rows});
    rows.label = v.target.as<const std::int32_t>();
  }
  if (on_device(check, v)) return masking_step(check, cuda::launchers().softmax_cross_entropy, rows);
  Step step;
  step.name = check.function();
  step.work = 30.0 * static_cast<double>(rows.rows) + 0.5 * static_cast<double>(v.x.size());
  if (rows.label == nullptr) step.reads_rows = rows.rows;
  step.writes_rows = rows.rows;
  step.run = [check, rows, kernel = cpu::active().softmax_cross_entropy](Worker& worker) {
    // Every worker looks at all labels, so that none has written anything when one is wrong.
    if (rows.label != nullptr) check.labels("target", rows.label, rows.rows, rows.cols);
    kernel(part_of(rows, worker.split(rows.rows, kRowUnit)));
  };
  return step;
}

}  // namespace densor::ops
