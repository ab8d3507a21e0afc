#include "ops/column_sum.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step column_sum(const View& sum, const View& x) {
  const Check check("column_sum");
  check.matrix("x", x);
  check.output("sum", sum, DType::f32, {1, x.cols()});
  check.disjoint("sum", sum, "x", x);
  if (on_device(check, {{"sum", sum}, {"x", x}})) {
    Step step = masking_step(check, cuda::launchers().column_sum, sum.f32(), x.f32(), x.rows(), x.cols());
    step.scratch = cuda::column_parts(x.rows()) * x.cols();
    return step;
  }
  Step step;
  step.name = check.function();
  step.work = 0.1 * static_cast<double>(x.size());
  step.reads_columns = step.writes_columns = x.cols();
  step.run = [kernel = cpu::active().column_sum, sum = sum.f32(), x = x.f32(), rows = x.rows(),
              cols = x.cols()](Worker& worker) {
    const Range mine = worker.split(cols, kLine);
    kernel(sum + mine.begin, x + mine.begin, rows, mine.size(), cols);
  };
  return step;
}

}  // namespace densor::ops
