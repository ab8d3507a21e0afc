#include "ops/accuracy.h"

#include <limits>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"

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
  check.input("target", target, DType::i32, {b.rows});
  return [check, b, label = target.as<const std::int32_t>(),
          kernel = cpu::active().accuracy_sparse](Worker& worker) {
    check.labels("target", label, b.rows, b.cols);  // by every worker, before one has written anything
    const Range mine = worker.split(b.rows, kRowUnit);
    kernel(b.correct + mine.begin, b.x + mine.begin * b.cols, label + mine.begin, mine.size(), b.cols);
  };
}

std::function<void(Worker&)> against_values(const Check& check, const Batch& b, const View& target, Kind kind,
                                            float threshold) {
  check.input("target", target, DType::f32, {b.rows, b.cols});
  return [b, target = target.f32(), kind, threshold, &kernels = cpu::active()](Worker& worker) {
    const Range mine = worker.split(b.rows, kRowUnit);
    const std::int64_t at = mine.begin * b.cols;
    if (kind == binary)
      kernels.accuracy_binary(b.correct + mine.begin, b.x + at, target + at, mine.size(), b.cols, threshold);
    else
      kernels.accuracy_categorical(b.correct + mine.begin, b.x + at, target + at, mine.size(), b.cols);
  };
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
  check.number("threshold", threshold, -kLargest, kLargest);
  const Batch batch{correct.f32(), x.f32(), x.rows(), x.cols()};
  Step step;
  step.name = check.function();
  step.work = 10.0 * static_cast<double>(x.rows()) + 0.2 * static_cast<double>(x.size());
  if (which != sparse) step.reads_rows = x.rows();  // labels are looked at by every worker
  step.writes_rows = x.rows();
  step.run = which == sparse ? against_labels(check, batch, target)
                             : against_values(check, batch, target, which, static_cast<float>(threshold));
  return step;
}

}  // namespace densor::ops
