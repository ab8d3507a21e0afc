#include "ops/dropout.h"

#include <cmath>

#include "core/name.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

namespace {

// What both forward ops check.
void check_forward(const Check& check, const View& y, const View& mask, const View& x, double rate) {
  check.input("x", x, stored_dtype(x), {kAny, kAny});
  check.output("y", y, x.dtype, {x.rows(), x.cols()});
  check.output("mask", mask, DType::u16, {x.rows(), cpu::mask_words(x.cols())});
  check.same_or_disjoint("y", y, "x", x);
  check.disjoint("mask", mask, "x", x);
  check.disjoint("mask", mask, "y", y);
  check.number("rate", rate, 0.0, 1.0, true);
}

cpu::NoiseSpread spread_of(const Check& check, const View& x, const SpreadNoise& noise) {
  const std::size_t axes = noise.shape.size();
  if (axes > cpu::kMaxAxes || noise.noise_shape.size() != axes)
    check.fail("noise_shape", "has " + std::to_string(noise.noise_shape.size()) + " axes for the " +
                                  std::to_string(axes) + " of a row, at most " +
                                  std::to_string(cpu::kMaxAxes));
  cpu::NoiseSpread spread{static_cast<int>(axes), {}, {}, 1, noise.shared_rows};
  std::int64_t features = 1;
  for (std::size_t i = axes; i-- > 0;) {
    const std::int64_t size = noise.shape[i], of_noise = noise.noise_shape[i];
    if (of_noise != size && of_noise != 1)
      check.fail("noise_shape",
                 "size " + std::to_string(of_noise) + " does not serve an axis of " + std::to_string(size));
    spread.size[i] = size;
    spread.stride[i] = of_noise == 1 ? 0 : spread.columns;
    spread.columns *= of_noise;
    features = checked_multiply(check.function(), features, size);
  }
  if (features != x.cols())
    check.fail("shape",
               "holds " + std::to_string(features) + " values, a row of x " + std::to_string(x.cols()));
  return spread;
}

// make(launchers) with those for the dtype in which the array is stored.
template <class Make>
Step with_launchers(const View& view, Make make) {
  const cuda::Launchers& kernels = cuda::launchers();
  return stored_step(view, kernels.dropout, kernels.dropout_of_halves, make);
}

}  // namespace

std::uint32_t dropout_threshold(double rate) {
  return static_cast<std::uint32_t>(std::nearbyint(rate * 65536.0));
}

math::DropoutKind dropout_kind(const char* function, const char* argument, const std::string& name) {
  std::vector<std::string> known;
  for (int i = 0; i < math::kDropoutKinds; ++i)
    known.emplace_back(math::dropout_name(static_cast<math::DropoutKind>(i)));
  return static_cast<math::DropoutKind>(index_of_name(function, argument, name, known));
}

void check_fused_dropout(const Check& check, const View& mask, double rate, std::int64_t rows,
                         std::int64_t cols, math::Activation activation) {
  if (!mask) return;
  check.number("rate", rate, 0.0, 1.0, true);
  if (activation != math::Activation::linear && activation != math::Activation::relu)
    check.fail("mask", std::string("must be None behind the activation '") +
                           math::activation_name(activation) + "'; apply dropout separately");
  check.input("mask", mask, DType::u16, {rows, cpu::mask_words(cols)});
}

Step dropout_forward(const View& y, const View& mask, const View& x, double rate, math::DropoutKind kind,
                     std::uint64_t seed, std::uint32_t stream, bool positive) {
  const Check check("dropout_forward");
  check_forward(check, y, mask, x, rate);
  if (on_device(check, {{"y", y}, {"mask", mask}, {"x", x}}))
    return with_launchers(x, [&]<class T>(const cuda::DropoutLaunchers<T>& kernels) {
      return masking_step(check, kernels.forward, y.as<T>(), mask.as<std::uint16_t>(), x.as<const T>(),
                          x.rows(), x.cols(), cuda::Noise{math::philox_key(seed), stream},
                          dropout_threshold(rate), math::dropout_map(kind, rate), positive);
    });
  Step step;
  step.name = check.function();
  step.work = 0.3 * static_cast<double>(x.size());
  cpu::declare_shares(step, x.rows(), x.cols());
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.dropout.forward, y = y.as<T>(), mask = mask.as<std::uint16_t>(),
                x = x.as<const T>(), rows = x.rows(), cols = x.cols(), key = math::philox_key(seed), stream,
                threshold = dropout_threshold(rate), map = math::dropout_map(kind, rate),
                positive](Worker& worker) {
      const auto number = static_cast<std::uint32_t>(worker.batch.step);
      kernel(y, mask, x, cpu::share_of(worker, rows, cols), {key, number, stream, threshold}, map, positive);
    };
    return step;
  });
}

Step dropout_spread(const View& y, const View& mask, const View& x, double rate, math::DropoutKind kind,
                    std::uint64_t seed, std::uint32_t stream, const SpreadNoise& noise) {
  const Check check("dropout_spread");
  check_forward(check, y, mask, x, rate);
  const cpu::NoiseSpread spread = spread_of(check, x, noise);
  if (on_device(check, {{"y", y}, {"mask", mask}, {"x", x}}))
    return with_launchers(x, [&]<class T>(const cuda::DropoutLaunchers<T>& kernels) {
      return masking_step(check, kernels.spread, y.as<T>(), mask.as<std::uint16_t>(), x.as<const T>(),
                          x.rows(), x.cols(), cuda::Noise{math::philox_key(seed), stream},
                          dropout_threshold(rate), math::dropout_map(kind, rate), spread);
    });
  Step step;
  step.name = check.function();
  step.work = 2.0 * static_cast<double>(x.size());
  step.scratch = cpu::mask_words(spread.columns);  // words are half as wide as floats
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.dropout.spread, y = y.as<T>(), mask = mask.as<std::uint16_t>(),
                x = x.as<const T>(), rows = x.rows(), cols = x.cols(), key = math::philox_key(seed), stream,
                threshold = dropout_threshold(rate), map = math::dropout_map(kind, rate),
                spread](Worker& worker) {
      const Range mine = worker.split(rows);
      const auto number = static_cast<std::uint32_t>(worker.batch.step);
      kernel(y, mask, x, mine.begin, mine.end, cols, {key, number, stream, threshold}, map, spread,
             reinterpret_cast<std::uint16_t*>(worker.scratch()));
    };
    return step;
  });
}

Step dropout_backward(const View& dx, const View& dy, const View& mask, double rate, math::DropoutKind kind) {
  const Check check("dropout_backward");
  check.input("dy", dy, stored_dtype(dy), {kAny, kAny});
  check.input("mask", mask, DType::u16, {dy.rows(), cpu::mask_words(dy.cols())});
  check.output("dx", dx, dy.dtype, {dy.rows(), dy.cols()});
  check.same_or_disjoint("dx", dx, "dy", dy);
  check.disjoint("dx", dx, "mask", mask);
  check.number("rate", rate, 0.0, 1.0, true);
  if (on_device(check, {{"dx", dx}, {"dy", dy}, {"mask", mask}}))
    return with_launchers(dy, [&]<class T>(const cuda::DropoutLaunchers<T>& kernels) {
      return masking_step(check, kernels.backward, dx.as<T>(), dy.as<const T>(),
                          mask.as<const std::uint16_t>(), dy.rows(), dy.cols(),
                          math::dropout_map(kind, rate).scale);
    });
  Step step;
  step.name = check.function();
  step.work = 0.1 * static_cast<double>(dy.size());
  cpu::declare_shares(step, dy.rows(), dy.cols());
  return with_kernels(dy, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.dropout.backward, dx = dx.as<T>(), dy = dy.as<const T>(),
                mask = mask.as<const std::uint16_t>(), rows = dy.rows(), cols = dy.cols(),
                scale = math::dropout_map(kind, rate).scale](Worker& worker) {
      kernel(dx, dy, mask, cpu::share_of(worker, rows, cols), scale);
    };
    return step;
  });
}

}  // namespace densor::ops
