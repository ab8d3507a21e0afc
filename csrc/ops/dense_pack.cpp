// Weights packed for the products of dense layers.
#include <cstdint>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/gemm/packed_weights.h"
#include "ops/dense.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

std::int64_t dense_packed_bytes(std::int64_t inputs, std::int64_t units, std::int64_t terms) {
  constexpr std::int64_t kMostOfAWeight = 4096;  // bytes, of a layer of one
  checked_multiply("dense_packed_bytes", checked_multiply("dense_packed_bytes", inputs, units),
                   kMostOfAWeight * terms);
  return cpu::packed_bytes(inputs, units, static_cast<int>(terms));
}

cpu::PackedForm read_packed(const Check& check, const char* argument, const View& packed, std::int64_t inputs,
                            std::int64_t units, std::int64_t terms) {
  if (!packed) return {};
  require_host(check, argument, packed);
  if (terms == 0) check.fail(argument, "must be None: the product is one of float32 multiply-adds");
  check.input(argument, packed, DType::u8, {dense_packed_bytes(inputs, units, terms)});
  if (reinterpret_cast<std::uintptr_t>(packed.data) % 64 != 0)
    check.fail(argument, "must begin at a multiple of 64 bytes");
  return cpu::packed_form(packed.data, inputs, units);
}

Step dense_pack(const View& forward, const View& backward, const View& w, std::int64_t terms) {
  constexpr double kNanoseconds = 0.2;  // a weight and form, on one thread
  const Check check("dense_pack");
  check.matrix("w", w);
  require_host(check, "w", w);
  check.number("terms", static_cast<double>(terms), 1.0, 3.0);
  const cpu::Kernels& kernels = cpu::active();
  if (!kernels.gemm.shape.matrix_units)
    check.fail("w", std::string("is not packed on the CPU target '") + kernels.name + "'");
  const std::int64_t inputs = w.rows(), units = w.cols(), bytes = dense_packed_bytes(inputs, units, terms);
  check.optional_output("forward", forward, DType::u8, {bytes});
  check.optional_output("backward", backward, DType::u8, {bytes});
  const cpu::PackedWeights packed{inputs, units, static_cast<int>(terms),
                                  read_packed(check, "forward", forward, inputs, units, terms),
                                  read_packed(check, "backward", backward, inputs, units, terms)};
  check.disjoint({{"forward", forward}, {"backward", backward}}, {{"w", w}});
  const int forms = static_cast<int>(static_cast<bool>(packed.forward)) +
                    static_cast<int>(static_cast<bool>(packed.backward));
  Step step;
  step.name = check.function();
  step.work = kNanoseconds * forms * static_cast<double>(w.size());
  step.run = [&kernels, packed, w = w.f32()](Worker& worker) {
    const std::int64_t across = cpu::unit_squares(packed.units);
    const Range mine = worker.split(cpu::unit_squares(packed.inputs) * across);
    for (std::int64_t n = mine.begin; n < mine.end; ++n)
      kernels.gemm.units.pack_weights(packed, w, n / across, n % across);
  };
  return step;
}

}  // namespace densor::ops
