#include "cpu/gemm/precision.h"

#include <atomic>
#include <iterator>

#include "core/error.h"

namespace densor::cpu {

namespace {

constexpr const char* kNames[] = {"highest", "high", "medium", "ieee", "tf32", "x6"};

std::atomic<GemmPrecision> g_precision{GemmPrecision::highest};

}  // namespace

GemmPrecision matmul_precision() { return g_precision.load(std::memory_order_relaxed); }

void set_matmul_precision(const std::string& name) {
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return g_precision.store(static_cast<GemmPrecision>(i), std::memory_order_relaxed);
  throw Error(ErrorKind::value, "set_matmul_precision", "value",
              "value '" + name +
                  "' is not a precision; use one of 'highest', 'high', 'medium', 'ieee', on a GPU 'tf32'");
}

const char* precision_name(GemmPrecision precision) { return kNames[static_cast<int>(precision)]; }

}  // namespace densor::cpu
