#include "ops/add.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step add(const View& y, const View& a, const View& b) {
  const Check check("add");
  check.matrix("a", a);
  check.input("b", b, DType::f32, {a.rows(), a.cols()});
  check.output("y", y, DType::f32, {a.rows(), a.cols()});
  check.same_or_disjoint("y", y, "a", a);
  check.same_or_disjoint("y", y, "b", b);
  const std::int64_t n = a.size();
  if (on_device(check, {{"y", y}, {"a", a}, {"b", b}}))
    return masking_step(check, cuda::launchers().add, y.f32(), a.f32(), b.f32(), n);
  Step step;
  step.name = "add";
  step.work = 0.15 * static_cast<double>(n);
  step.run = [kernel = cpu::active().add, y = y.f32(), a = a.f32(), b = b.f32(), n](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    kernel(y + mine.begin, a + mine.begin, b + mine.begin, mine.size());
  };
  return step;
}

}  // namespace densor::ops
