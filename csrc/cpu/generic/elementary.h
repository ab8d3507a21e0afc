// y = f(x) of the elementary functions, for tests and for users. Reads 4 bytes an element, writes 4.
#pragma once

#include "cpu/kernels.h"
#include "math/erf.h"
#include "math/exp.h"
#include "math/log.h"
#include "math/tanh.h"

namespace densor::cpu {
namespace {

template <class F>
void map(float* y, const float* x, std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(Vec::load(x + i)).store(y + i);
  if (const int rest = static_cast<int>(n - i); rest > 0)
    f(Vec::load_first(x + i, rest)).store_first(y + i, rest);
}

void elementary(float* y, const float* x, std::int64_t n, math::Elementary function) {
  switch (function) {
    case math::Elementary::exp:
      return map(y, x, n, [](Vec v) { return math::exp(v); });
    case math::Elementary::expm1:
      return map(y, x, n, [](Vec v) { return math::expm1(v); });
    case math::Elementary::log:
      return map(y, x, n, [](Vec v) { return math::log(v); });
    case math::Elementary::log1p:
      return map(y, x, n, [](Vec v) { return math::log1p(v); });
    case math::Elementary::tanh:
      return map(y, x, n, [](Vec v) { return math::tanh(v); });
    case math::Elementary::sigmoid:
      return map(y, x, n, [](Vec v) { return math::sigmoid(v); });
    case math::Elementary::erf:
      return map(y, x, n, [](Vec v) { return math::erf(v); });
  }
}

void fill_elementary(Kernels& k) { k.elementary = elementary; }

}  // namespace
}  // namespace densor::cpu
