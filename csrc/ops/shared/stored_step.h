// Steps of ops whose arrays are stored in float32 or, all of them, in bfloat16.
#pragma once

#include "core/step.h"
#include "core/view.h"
#include "cpu/dispatch.h"

namespace densor::ops {

// bfloat16 where the array is, of ops that have kernels for it.
inline DType stored_dtype(const View& view) { return view.dtype == DType::bf16 ? DType::bf16 : DType::f32; }

// make(kernels) with those for the dtype of the array.
template <class Floats, class Halves, class Make>
Step stored_step(const View& view, const Floats& floats, const Halves& halves, Make make) {
  return view.dtype == DType::bf16 ? make(halves) : make(floats);
}

// The same with those of the CPU.
template <class Make>
Step with_kernels(const View& view, Make make) {
  return stored_step(view, cpu::active().floats, cpu::active().halves, make);
}

}  // namespace densor::ops
