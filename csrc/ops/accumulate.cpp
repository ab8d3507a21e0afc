#include "ops/accumulate.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step accumulate(const View& totals, const View& values, const View& weight) {
  const Check check("accumulate");
  check.input("values", values, DType::f32, {kAny});
  check.optional_input("weight", weight, DType::f32, {values.rows()});
  check.output("totals", totals, DType::f64, {2});
  check.disjoint({{"totals", totals}}, {{"values", values}, {"weight", weight}});
  if (on_device(check, {{"totals", totals}, {"values", values}, {"weight", weight}}))
    return masking_step(check, cuda::launchers().accumulate, totals.as<double>(), values.f32(), weight.f32(),
                        values.rows());
  Step step;
  step.name = check.function();
  step.work = 2.0 * static_cast<double>(values.size());
  step.unread = true;
  step.run = [kernel = cpu::active().accumulate, totals = totals.as<double>(), values = values.f32(),
              weight = weight.f32(), rows = values.rows()](Worker& worker) {
    if (worker.index() != 0) return;
    totals[0] = kernel(totals[0], values, weight, rows);
    totals[1] += static_cast<double>(rows);
  };
  return step;
}

}  // namespace densor::ops
