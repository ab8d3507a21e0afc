#include "ops/accuracy.h"

#include <limits>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

enum Kind { sparse, categorical, binary };

// The matrix and the rows of it that one worker takes.
struct Batch {
  float* correct;
  const float* x;
  std::int64_t rows, cols;
};

std::function<void(Worker&)> against_labels(const Check& check, const Batch& b, const View& target) {
  return [check, b, label = target.as<const std::int32_t>(),
          kernel = cpu::active().accuracy_sparse](Worker& worker) {
    check.labels("target", label, b.rows, b.cols);  // by every worker, before one has written anything
    const Range mine = worker.split(b.rows, kRowUnit);
    kernel(b.correct + mine.begin, b.x + mine.begin * b.cols, label + mine.begin, mine.size(), b.cols);
  };
}

std::function<void(Worker&)> against_values(const Batch& b, const View& target, Kind kind, float threshold) {
  return [b, target = target.f32(), kind, threshold, &kernels = cpu::active()](Worker& worker) {
    const Range mine = worker.split(b.rows, kRowUnit);
    const std::int64_t at = mine.begin * b.cols;
    if (kind == binary)
      kernels.accuracy_binary(b.correct + mine.begin, b.x + at, target + at, mine.size(), b.cols, threshold);
    else
      kernels.accuracy_categorical(b.correct + mine.begin, b.x + at, target + at, mine.size(), b.cols);
  };
}

Step step_on_device(const Check& check, const Batch& b, const View& target, Kind kind, float threshold) {
  const cuda::Launchers& kernels = cuda::launchers();
  if (kind == sparse)
    return masking_step(check, kernels.accuracy_sparse, b.correct, b.x, target.as<const std::int32_t>(),
                        b.rows, b.cols);
  if (kind == categorical)
    return masking_step(check, kernels.accuracy_categorical, b.correct, b.x, target.f32(), b.rows, b.cols);
  return masking_step(check, kernels.accuracy_binary, b.correct, b.x, target.f32(), b.rows, b.cols,
                      threshold);
}

}  // namespace

Step accuracy(const View& correct, const View& x, const View& target, const std::string& kind,
              double threshold) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const Check check("accuracy");
  const auto which =
      static_cast<Kind>(index_of_name(check.function(), "kind", kind, {"sparse", "categorical", "binary"}));
  check.matrix("x", x);
  if (x.cols() == 0) check.fail("x", "expected at least one column, got shape " + shape_text(x));
  check.output("correct", correct, DType::f32, {x.rows()});
  check.disjoint("correct", correct, "x", x);
  check.disjoint("correct", correct, "target", target);
  if (which == sparse)
    check.input("target", target, DType::i32, {x.rows()});
  else
    check.input("target", target, DType::f32, {x.rows(), x.cols()});
  check.number("threshold", threshold, -kLargest, kLargest);
  const Batch batch{correct.f32(), x.f32(), x.rows(), x.cols()};
  if (on_device(check, {{"correct", correct}, {"x", x}, {"target", target}}))
    return step_on_device(check, batch, target, which, static_cast<float>(threshold));
  Step step;
  step.name = check.function();
  step.work = 10.0 * static_cast<double>(x.rows()) + 0.2 * static_cast<double>(x.size());
  if (which != sparse) step.reads_rows = x.rows();  // labels are looked at by every worker
  step.writes_rows = x.rows();
  step.run = which == sparse ? against_labels(check, batch, target)
                             : against_values(batch, target, which, static_cast<float>(threshold));
  return step;
}

}  // namespace densor::ops
