// Runs a planned matrix product on one worker's share of c.
#pragma once

#include "core/worker.h"
#include "cpu/gemm/packed_weights.h"
#include "cpu/gemm/plan.h"
#include "cpu/gemm/sharing.h"
#include "cpu/kernels.h"

namespace densor::cpu {

struct GemmOperands {
  float* c;                              // (m, n), contiguous
  const float* a;                        // (m, k), or (k, m) where transposed
  const float* b;                        // (k, n), or (n, k) where transposed
  PackedForm packed_b{};                 // of b as it is now, where plan.packed_b
  GemmHalves halves = GemmHalves::none;  // a_and_c: plan.one_pass()
};

// What a gradient is multiplied by on its way to the layer below: v = keep ? v scale : 0 where there is a
// mask, then v activation'(saved).
struct GemmSlope {
  const std::uint16_t* mask = nullptr;  // (m, mask_words(n))
  float scale = 1;
  math::Activation activation = math::Activation::linear;
  float alpha = 0;
  const float* saved = nullptr;  // (m, n), of c's type; null for linear
};

// After the product: v = sum + bias; z = v unless null; c = activation(v). Or, where b is transposed, slope,
// which where c is bfloat16 is linear or relu.
struct GemmFinish {
  const float* bias = nullptr;  // (n,)
  float* z = nullptr;           // (m, n), of c's type
  math::Activation activation = math::Activation::linear;
  float alpha = 0;
  GemmSlope slope{};
};

// Whether a product may stop early when the run is cancelled; in the update phase it may not.
enum class Cancelling { obeyed, ignored };

// The rows and columns of c that the plan gives a worker.
struct GemmShare {
  Range rows, cols;
};
GemmShare share_of(const GemmPlan& plan, int worker, int workers);

// Computes the rows and columns of c that the plan gives this worker (columns, where it is split by terms).
// Returns early, with c unfinished, when the run is cancelled. Needs plan.packed_floats() of the worker's
// scratch memory. `sharing` belongs to this product; null: nobody helps another.
void run_gemm(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish, Worker& worker, Cancelling cancelling = Cancelling::obeyed,
              GemmSharing* sharing = nullptr);

// The same for a plan that is split by terms, by two workers: each computes the chain over its columns of a,
// worker 1 into `partial` (m, n); then, behind a barrier, its columns of c.
void run_gemm_by_terms(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands,
                       const GemmFinish& finish, float* partial, Worker& worker);

}  // namespace densor::cpu
