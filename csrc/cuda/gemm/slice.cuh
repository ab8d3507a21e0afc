// The operands of the kernels by mma.sync on their way from device to shared memory.
#pragma once

#include "cuda/device/grid.cuh"
#include "cuda/device/half.cuh"

namespace densor::cuda {

inline constexpr int kSlice = 32;  // terms

// A slice of an operand in registers: kLength rows of a (columns of b), kSlice terms each. kAlong: the terms
// of a row follow one another in memory.
template <int kLength, bool kAlong>
struct Slice {
  // A thread's elements lie kStep lines (or terms) apart, the other coordinate is the same for all.
  static constexpr int kCount = kLength * kSlice / kThreads, kInner = kAlong ? kSlice : kLength;
  static constexpr int kStep = kThreads / kInner;
  float element[kCount];

  __device__ static int line(int thread, int s) {
    return kAlong ? thread / kInner + s * kStep : thread % kInner;
  }
  __device__ static int term(int thread, int s) {
    return kAlong ? thread % kInner : thread / kInner + s * kStep;
  }
  template <class T>
  __device__ void load(const T* x, std::int64_t lines, std::int64_t k, std::int64_t first_line,
                       std::int64_t first_term, int thread) {
    const std::int64_t i = first_line + line(thread, 0), p = first_term + term(thread, 0);
    const std::int64_t left = kAlong ? lines - i : k - p;  // of the coordinate that runs
    const bool inside = kAlong ? p < k : i < lines;
    const int limit = !inside ? 0 : left < kCount * kStep ? static_cast<int>(left) : kCount * kStep;
    const T* at = x + (kAlong ? i * k + p : p * lines + i);
    const std::int64_t stride = kStep * (kAlong ? k : lines);
#pragma unroll
    for (int s = 0; s < kCount; ++s) {
      element[s] = s * kStep < limit ? to_float(*at) : 0.0f;
      at += stride;
    }
  }
};

}  // namespace densor::cuda
