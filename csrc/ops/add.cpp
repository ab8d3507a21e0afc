#include "ops/add.h"

#include "core/check.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

Step add(const View& y, const View& a, const View& b) {
  const Check check("add");
  const DType dtype = stored_dtype(a);
  check.input("a", a, dtype, {kAny, kAny});
  check.input("b", b, dtype, {a.rows(), a.cols()});
  check.output("y", y, dtype, {a.rows(), a.cols()});
  check.same_or_disjoint("y", y, "a", a);
  check.same_or_disjoint("y", y, "b", b);
  const std::int64_t n = a.size();
  if (on_device(check, {{"y", y}, {"a", a}, {"b", b}})) {
    const cuda::Launchers& kernels = cuda::launchers();
    if (dtype == DType::f32) return masking_step(check, kernels.add, y.f32(), a.f32(), b.f32(), n);
    return masking_step(check, kernels.add_of_halves, y.as<std::uint16_t>(), a.as<const std::uint16_t>(),
                        b.as<const std::uint16_t>(), n);
  }
  Step step;
  step.name = "add";
  step.work = 0.15 * static_cast<double>(n);
  return with_kernels(a, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.add, y = y.as<T>(), a = a.as<const T>(), b = b.as<const T>(),
                n](Worker& worker) {
      const Range mine = worker.split(n, kLine);
      kernel(y + mine.begin, a + mine.begin, b + mine.begin, mine.size());
    };
    return step;
  });
}

}  // namespace densor::ops
