// Counts values that are no class numbers. Reads the dtype's bytes an element. Labels are looked at once a
// fit, one a row: no target has a body of its own.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "math/label_range.h"

namespace densor::cpu {

using LabelCount = std::int64_t (*)(const void* data, std::int64_t n, const math::LabelRange& range);

template <class T>
std::int64_t count_outside(const void* data, std::int64_t n, const math::LabelRange& range) {
  const T* x = static_cast<const T*>(data);
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) count += math::is_label(x[i], range) ? 0 : 1;
  return count;
}

// Null: this dtype is not read.
inline LabelCount label_range(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
      return count_outside<std::uint8_t>;
    case DType::u16:
      return count_outside<std::uint16_t>;
    case DType::u32:
      return count_outside<std::uint32_t>;
    case DType::u64:
      return count_outside<std::uint64_t>;
    case DType::i8:
      return count_outside<std::int8_t>;
    case DType::i16:
      return count_outside<std::int16_t>;
    case DType::i32:
      return count_outside<std::int32_t>;
    case DType::i64:
      return count_outside<std::int64_t>;
    case DType::f32:
      return count_outside<float>;
    case DType::f64:
      return count_outside<double>;
    case DType::f16:
    case DType::bf16:
      break;
  }
  return nullptr;
}

}  // namespace densor::cpu
