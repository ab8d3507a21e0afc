// How exactly products of float32 matrices are to be computed: what the user asks for. The plan makes of it
// the means, which on targets without matrix units are float32 multiply-adds in every case.
#pragma once

#include <string>

namespace densor::cpu {

enum class GemmPrecision {
  highest,  // no less exact than float32 multiply-adds: those, or six products, whichever is faster
  high,     // three products of bfloat16 terms, about 17 bits
  medium,   // one product of bfloat16 terms, about 8 bits
  ieee,     // float32 multiply-adds
  tf32,     // on a GPU operands of 11 bits; on a CPU as "highest"
  x6        // six products wherever there are matrix units: for tests and benchmarks
};

// What steps made from now on use. "highest" at the start.
GemmPrecision matmul_precision();
// Throws Error for an unknown name.
void set_matmul_precision(const std::string& name);
const char* precision_name(GemmPrecision precision);

}  // namespace densor::cpu
