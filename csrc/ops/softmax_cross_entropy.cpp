#include "ops/softmax_cross_entropy.h"

#include "cpu/dispatch.h"

namespace densor::ops {

namespace {

void check_correct(const Check& check, const LossViews& v, const View& correct, bool there) {
  if (correct && !there) check.fail("correct", "must be None on a CPU; `accuracy` computes it");
  check.optional_output("correct", correct, DType::f32, {v.x.rows()});
  check.disjoint({{"correct", correct}},
                 {{"loss", v.loss}, {"dx", v.dx}, {"x", v.x}, {"target", v.target}, {"weight", v.weight}});
}

}  // namespace

Step softmax_cross_entropy(const LossViews& v, const LossScale& scale, const View& correct) {
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
  const bool there = on_device(check, {{"loss", v.loss},
                                       {"dx", v.dx},
                                       {"x", v.x},
                                       {"target", v.target},
                                       {"weight", v.weight},
                                       {"correct", correct}});
  check_correct(check, v, correct, there);
  if (there) return masking_step(check, cuda::launchers().softmax_cross_entropy, rows, correct.f32());
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
