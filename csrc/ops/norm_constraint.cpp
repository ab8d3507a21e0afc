#include "ops/norm_constraint.h"

#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step norm_constraint(const View& w, double low, double high, double rate) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const Check check("norm_constraint");
  check.output("w", w, DType::f32, {kAny, kAny, kAny});
  check.number("low", low, 0.0, kLargest);
  check.number("high", high, low, kLargest);
  check.number("rate", rate, 0.0, 1.0);
  const std::int64_t outer = w.shape[0], rows = w.shape[1], cols = w.shape[2];
  const cpu::NormConstraint p{static_cast<float>(low), static_cast<float>(high), static_cast<float>(rate)};
  if (on_device(check, {{"w", w}}))
    return masking_step(check, cuda::launchers().norm_constraint, w.f32(), outer, rows, cols, p);
  Step step;
  step.name = check.function();
  step.work = 0.3 * static_cast<double>(w.size());
  step.run = [&kernels = cpu::active(), w = w.f32(), outer, rows, cols, p](Worker& worker) {
    if (cols == 1) {
      const Range mine = worker.split(outer);
      kernels.norm_constraint_rows(w + mine.begin * rows, mine.size(), rows, p);
      return;
    }
    const Range mine = worker.split(cols, kLine);
    for (std::int64_t o = 0; o < outer; ++o)
      kernels.norm_constraint_columns(w + o * rows * cols + mine.begin, rows, mine.size(), cols, p);
  };
  return step;
}

}  // namespace densor::ops
