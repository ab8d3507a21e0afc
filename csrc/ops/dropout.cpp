#include "ops/dropout.h"

#include <cmath>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"

namespace densor::ops {

namespace {

void check_rate(const Check& check, double rate) { check.number("rate", rate, 0.0, 1.0, true); }

float scale_of(double rate) { return static_cast<float>(1.0 / (1.0 - rate)); }

}  // namespace

Step dropout_forward(const View& y, const View& mask, const View& x, double rate, std::uint64_t seed,
                     std::uint32_t stream) {
  const Check check("dropout_forward");
  check.matrix("x", x);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.output("mask", mask, DType::u16, {x.rows(), cpu::mask_words(x.cols())});
  check.same_or_disjoint("y", y, "x", x);
  check.disjoint("mask", mask, "x", x);
  check.disjoint("mask", mask, "y", y);
  check_rate(check, rate);
  Step step;
  step.name = check.function();
  step.work = 0.3 * static_cast<double>(x.size());
  cpu::declare_shares(step, x.cols());
  const auto threshold = static_cast<std::uint32_t>(std::nearbyint(rate * 65536.0));
  step.run = [kernel = cpu::active().dropout_forward, y = y.f32(), mask = mask.as<std::uint16_t>(),
              x = x.f32(), rows = x.rows(), cols = x.cols(), key = math::philox_key(seed), stream, threshold,
              scale = scale_of(rate)](Worker& worker) {
    const auto number = static_cast<std::uint32_t>(worker.batch.step);
    kernel(y, mask, x, cpu::share_of(worker, rows, cols), {key, number, stream, threshold}, scale);
  };
  return step;
}

Step dropout_backward(const View& dx, const View& dy, const View& mask, double rate) {
  const Check check("dropout_backward");
  check.matrix("dy", dy);
  check.input("mask", mask, DType::u16, {dy.rows(), cpu::mask_words(dy.cols())});
  check.output("dx", dx, DType::f32, {dy.rows(), dy.cols()});
  check.same_or_disjoint("dx", dx, "dy", dy);
  check.disjoint("dx", dx, "mask", mask);
  check_rate(check, rate);
  Step step;
  step.name = check.function();
  step.work = 0.1 * static_cast<double>(dy.size());
  cpu::declare_shares(step, dy.cols());
  step.run = [kernel = cpu::active().dropout_backward, dx = dx.f32(), dy = dy.f32(),
              mask = mask.as<const std::uint16_t>(), rows = dy.rows(), cols = dy.cols(),
              scale = scale_of(rate)](Worker& worker) {
    kernel(dx, dy, mask, cpu::share_of(worker, rows, cols), scale);
  };
  return step;
}

}  // namespace densor::ops
