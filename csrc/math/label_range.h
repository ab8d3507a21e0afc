// Whether a value is a class number: whole and in [0, classes), or the one that is ignored (NaN: none is).
#pragma once

#include "math/fn.h"

namespace densor::math {

struct LabelRange {
  double classes, ignored;  // classes < 2^31
};

template <class T>
DENSOR_FN bool is_label(T value, LabelRange range) {
  const auto x = static_cast<double>(value);
  if (x >= 0.0 && x < range.classes) return static_cast<double>(static_cast<int>(x)) == x;
  return x == range.ignored;
}

}  // namespace densor::math
