// Runs a planned matrix product on one worker's share of c.
#pragma once

#include "core/worker.h"
#include "cpu/gemm/plan.h"
#include "cpu/kernels.h"

namespace densor::cpu {

struct GemmOperands {
  float* c;        // (m, n), contiguous
  const float* a;  // (m, k), or (k, m) where transposed
  const float* b;  // (k, n), or (n, k) where transposed
};

// After the product: v = sum + bias; z = v unless null; c = activation(v).
struct GemmFinish {
  const float* bias = nullptr;  // (n,)
  float* z = nullptr;           // (m, n)
  math::Activation activation = math::Activation::linear;
  float alpha = 0;
};

// Computes the rows and columns of c that the plan gives this worker. Returns early, with c unfinished, when
// the run is cancelled. Needs plan.packed_floats() of the worker's scratch memory.
void run_gemm(const Kernels& kernels, const GemmPlan& plan, const GemmOperands& operands,
              const GemmFinish& finish, Worker& worker);

}  // namespace densor::cpu
