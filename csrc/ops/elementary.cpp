#include "ops/elementary.h"

#include <vector>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"

namespace densor::ops {

math::Elementary elementary_from_name(const char* function, const char* argument, const std::string& name) {
  std::vector<std::string> known;
  for (int i = 0; i < math::kElementaryCount; ++i)
    known.emplace_back(math::elementary_name(static_cast<math::Elementary>(i)));
  return static_cast<math::Elementary>(index_of_name(function, argument, name, known));
}

Step elementary(const View& y, const View& x, math::Elementary f) {
  const Check check("elementary");
  check.any_input("x", x, DType::f32);
  check.any_output("y", y, DType::f32);
  check.same_shape("y", y, x);
  check.same_or_disjoint("y", y, "x", x);
  Step step;
  step.name = math::elementary_name(f);
  const std::int64_t n = x.size();
  step.work = 0.5 * static_cast<double>(n);
  step.run = [kernel = cpu::active().elementary, y = y.f32(), x = x.f32(), n, f](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    kernel(y + mine.begin, x + mine.begin, mine.size(), f);
  };
  return step;
}

}  // namespace densor::ops
