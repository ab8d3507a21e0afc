// What both passes of a dense layer ask of their products.
#pragma once

#include <memory>
#include <string>

#include "core/check.h"
#include "core/parallel.h"
#include "cpu/dispatch.h"
#include "cpu/gemm/gemm.h"
#include "math/activation_kind.h"
#include "ops/dense.h"
#include "ops/shared/device_gemm.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

using math::Activation;

inline std::string quoted(Activation activation) {
  return std::string("'") + math::activation_name(activation) + "'";
}

inline void check_used(const Check& check, const char* argument, const View& view, bool used,
                       Activation activation) {
  if (view && !used)
    check.fail(argument, "must be None: activation " + quoted(activation) + " does not use it");
}

// Present exactly where the activation needs it.
inline void check_needed(const Check& check, const char* argument, const View& view, bool needed,
                         Activation activation) {
  if (needed && !view)
    check.fail_type(argument, "expected an array, got None; activation " + quoted(activation) + " needs it");
  check_used(check, argument, view, needed, activation);
}

// bfloat16 where the array is, if there are kernels that read and write it.
inline DType operand_dtype(const View& view) {
  return view.device == Device::cuda || cpu_reads_halves() ? stored_dtype(view) : DType::f32;
}

// The device reads two bfloat16 operands or none; a CPU rounds w while it packs it.
inline void check_kernel(const Check& check, const View& x, const View& w) {
  check.input("x", x, operand_dtype(x), {kAny, kAny});
  check.input("w", w, x.device == Device::cuda ? stored_dtype(x) : DType::f32, {x.cols(), kAny});
}

// Sums that a plan leaves in so many parts; 0: none.
inline void check_sums(const Check& check, const char* argument, const View& sums, std::int64_t parts) {
  if (sums && parts == 0)
    check.fail(argument, "must be None: this product, on a CPU or by this plan, does not tell");
}

inline cpu::GemmPrecision precision_of(bool bfloat16) {
  return bfloat16 ? cpu::GemmPrecision::medium : cpu::matmul_precision();
}

inline cpu::GemmProblem problem_of(const DenseProduct& p) {
  const cpu::GemmPrecision precision = precision_of(p.bfloat16);
  if (p.backward) return {p.rows, p.inputs, p.units, false, true, precision};
  const bool rows_vary = !p.training && !p.bfloat16;  // of bfloat16 numbers it is one product for any rows
  return {p.rows, p.units, p.inputs, false, false, precision, rows_vary};
}

inline void check_unpacked(const Check& check, const View& packed) {
  if (packed) check.fail("packed", "must be None on a device");
}

// A CPU rounds tiles that it has at hand, once: sums that take several passes over them may not be bfloat16.
inline void check_rounded(const Check& check, const char* argument, const View& c,
                          const cpu::GemmPlan& plan) {
  if (c && c.dtype == DType::bf16 && !plan.one_pass())
    check.fail_type(argument, "is bfloat16, and sums of " + std::to_string(plan.problem.k) +
                                  " terms take several passes over it; pass float32");
}

// Of a product c = a b with float32 weights b.
inline cpu::GemmHalves halves_of(const View& c, const View& a) {
  if (a.dtype != DType::bf16) return cpu::GemmHalves::none;
  return c && c.dtype == DType::bf16 ? cpu::GemmHalves::a_and_c : cpu::GemmHalves::a;
}

inline void require_halves(const Check& check, const char* argument) {
  if (!device_reads_halves())
    check.fail_type(argument, "is bfloat16, which this device does not multiply; cast it to float32");
}

inline std::shared_ptr<cpu::GemmSharing> sharing_of(const cpu::GemmPlan& plan) {
  return plan.lent_rows > 0 ? std::make_shared<cpu::GemmSharing>(num_threads()) : nullptr;
}

}  // namespace densor::ops
