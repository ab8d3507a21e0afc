// Gradients of dense layers, given by what they are made of.
#pragma once

#include <string>
#include <vector>

#include "core/check.h"
#include "core/parallel.h"
#include "core/view.h"
#include "ops/shared/weight_gradient.h"

namespace densor::ops {

// One gradient, x^T dz, for each entry of `segments`.
struct ComputedGradients {
  View segments;         // int64 (c,): which variables
  std::vector<View> x;   // (rows, inputs) of a kernel (inputs, units); absent for a bias
  std::vector<View> dz;  // (rows, units)
};

// `bounds`, int64 (k, 2), has the offset and the size of each variable in the arena of the gradients.
inline std::vector<WeightGradient> read_computed(const Check& check, const ComputedGradients& given,
                                                 const View& gradients, const View& bounds) {
  const auto count = static_cast<std::size_t>(given.segments ? given.segments.size() : 0);
  if (given.segments) check.input("computed", given.segments, DType::i64, {kAny});
  if (given.x.size() != count || given.dz.size() != count)
    check.fail("computed", "expected as many x and dz as segments, " + std::to_string(count));
  std::vector<WeightGradient> result;
  for (std::size_t k = 0; k < count; ++k) {
    const View &x = given.x[k], &dz = given.dz[k];
    const std::int64_t segment = given.segments.as<const std::int64_t>()[k];
    if (segment < 0 || segment >= bounds.rows())
      check.fail("computed", "there is no segment " + std::to_string(segment));
    for (const WeightGradient& other : result)
      if (other.segment() == segment)
        check.fail("computed", "segment " + std::to_string(segment) + " is named twice");
    check.matrix("dz", dz);
    if (x) check.input("x", x, DType::f32, {dz.rows(), kAny});
    const std::int64_t inputs = x ? x.cols() : 1, units = dz.cols();
    const std::int64_t size = bounds.as<const std::int64_t>()[2 * segment + 1];
    if (checked_multiply(check.function(), inputs, units) != size)
      check.fail("computed", "segment " + std::to_string(segment) + " has " + std::to_string(size) +
                                 " parameters, its gradient " + std::to_string(inputs * units));
    float* stored = gradients.f32() + bounds.as<const std::int64_t>()[2 * segment];
    result.emplace_back(segment, stored, x.f32(), dz.f32(), dz.rows(), inputs, units, num_threads());
  }
  return result;
}

}  // namespace densor::ops
