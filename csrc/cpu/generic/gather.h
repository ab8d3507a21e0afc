// Conversion of data rows: any real dtype to float32 with scale and offset, or to int32 labels. Reads the
// dtype's bytes an element, writes 4. Product and sum are rounded apart, as NumPy does.
#pragma once

#include <cstring>

#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

template <class T>
void convert(float* y, const void* data, std::int64_t n, float scale, float offset) {
  const T* x = static_cast<const T*>(data);
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]) * scale + offset;
}

void convert_f32(float* y, const void* x, std::int64_t n, float scale, float offset) {
  if (scale == 1.0f && offset == 0.0f)
    std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(float));
  else
    convert<float>(y, x, n, scale, offset);
}

// -1, which is no label, for values that int32 cannot hold.
template <class T>
void convert_labels(std::int32_t* y, const void* data, std::int64_t n) {
  const T* x = static_cast<const T*>(data);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool fits = x[i] >= T(0) && static_cast<double>(x[i]) < 2147483648.0;
    y[i] = fits ? static_cast<std::int32_t>(x[i]) : -1;
  }
}

template <class T>
void fill_gather_from(Kernels& k, DType dtype) {
  k.convert[static_cast<int>(dtype)] = convert<T>;
  k.convert_labels[static_cast<int>(dtype)] = convert_labels<T>;
}

void fill_gather(Kernels& k) {
  fill_gather_from<std::uint8_t>(k, DType::boolean);
  fill_gather_from<std::uint8_t>(k, DType::u8);
  fill_gather_from<std::uint16_t>(k, DType::u16);
  fill_gather_from<std::uint32_t>(k, DType::u32);
  fill_gather_from<std::uint64_t>(k, DType::u64);
  fill_gather_from<std::int8_t>(k, DType::i8);
  fill_gather_from<std::int16_t>(k, DType::i16);
  fill_gather_from<std::int32_t>(k, DType::i32);
  fill_gather_from<std::int64_t>(k, DType::i64);
  fill_gather_from<float>(k, DType::f32);
  fill_gather_from<double>(k, DType::f64);
  k.convert[static_cast<int>(DType::f32)] = convert_f32;
}

}  // namespace
}  // namespace densor::cpu
