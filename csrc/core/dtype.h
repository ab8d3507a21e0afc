// Element types that cross the boundary with Python. Activations may be stored as bf16, the upper half of a
// float32; data come in the others.
#pragma once

#include <cstdint>

namespace densor {

enum class DType : std::uint8_t { boolean, u8, u16, u32, u64, i8, i16, i32, i64, f16, f32, f64, bf16 };

inline constexpr int kDTypeCount = 13;

constexpr std::int64_t item_size(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
    case DType::i8:
      return 1;
    case DType::u16:
    case DType::i16:
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::u32:
    case DType::i32:
    case DType::f32:
      return 4;
    case DType::u64:
    case DType::i64:
    case DType::f64:
      return 8;
  }
  return 0;
}

constexpr const char* dtype_name(DType dtype) {
  constexpr const char* names[] = {"bool",  "uint8", "uint16",  "uint32",  "uint64",  "int8",    "int16",
                                   "int32", "int64", "float16", "float32", "float64", "bfloat16"};
  return names[static_cast<int>(dtype)];
}

template <class T>
struct dtype_of;
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct dtype_of<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct dtype_of<std::uint16_t> {
  static constexpr DType value = DType::u16;
};
template <>
struct dtype_of<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of<std::uint64_t> {
  static constexpr DType value = DType::u64;
};

}  // namespace densor
