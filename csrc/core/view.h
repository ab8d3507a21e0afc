// A view: somebody else's memory with shape, byte strides and dtype. An absent argument is a view without
// data.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "core/queue.h"

namespace densor {

inline constexpr int kMaxDims = 8;

struct View {
  void* data = nullptr;
  DType dtype = DType::f32;
  Device device = Device::cpu;
  bool present = false;
  bool writable = false;
  int ndim = 0;
  std::array<std::int64_t, kMaxDims> shape{};
  std::array<std::int64_t, kMaxDims> stride{};  // bytes

  explicit operator bool() const { return present; }

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  float* f32() const { return static_cast<float*>(data); }

  std::int64_t size() const {
    std::int64_t count = 1;
    for (int i = 0; i < ndim; ++i) count *= shape[i];
    return count;
  }
  std::int64_t rows() const { return shape[0]; }
  // Product of all dimensions but the first: a row of any rank is flat.
  std::int64_t cols() const {
    std::int64_t count = 1;
    for (int i = 1; i < ndim; ++i) count *= shape[i];
    return count;
  }
  bool contiguous_from(int first_dim) const {
    std::int64_t expected = item_size(dtype);
    for (int i = ndim - 1; i >= first_dim; --i) {
      if (shape[i] != 1 && stride[i] != expected) return size() == 0;
      expected *= shape[i];
    }
    return true;
  }
  bool contiguous() const { return contiguous_from(0); }
  bool aligned() const { return reinterpret_cast<std::uintptr_t>(data) % item_size(dtype) == 0; }
};

// "(784, 300)", as Python prints shapes.
std::string shape_text(const View& view);
std::string shape_text(const std::int64_t* shape, int ndim);

}  // namespace densor
