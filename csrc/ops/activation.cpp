#include "ops/activation.h"

#include <limits>
#include <vector>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

using math::Activation;

Activation activation_from_name(const char* function, const char* argument, const std::string& name) {
  std::vector<std::string> known;
  for (int i = 0; i < math::kActivationCount; ++i)
    known.emplace_back(math::activation_name(static_cast<Activation>(i)));
  return static_cast<Activation>(index_of_name(function, argument, name, known));
}

void check_alpha(const char* function, Activation activation, double alpha, const char* argument) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const bool nonnegative = activation == Activation::leaky_relu || activation == Activation::elu;
  Check(function).number(argument, alpha, nonnegative ? 0.0 : -kLargest, kLargest);
}

namespace {

// Estimated nanoseconds an element on one thread.
double cost(Activation activation) {
  switch (activation) {
    case Activation::linear:
    case Activation::relu:
    case Activation::leaky_relu:
      return 0.1;
    default:
      return 0.6;
  }
}

Step elementwise(const char* name, std::int64_t rows, std::int64_t cols, double nanoseconds) {
  Step step;
  step.name = name;
  step.work = nanoseconds * static_cast<double>(rows * cols);
  cpu::declare_shares(step, rows, cols);
  return step;
}

// What a kernel with row strides is to work on; whole rows are one long row to it.
struct Share {
  std::int64_t offset, rows, cols, ld;
};

Share strided_share(const Worker& worker, std::int64_t rows, std::int64_t cols) {
  const cpu::MatrixPart part = cpu::share_of(worker, rows, cols);
  if (part.col_begin == 0 && part.col_end == cols)
    return {part.row_begin * cols, 1, (part.row_end - part.row_begin) * cols, 0};
  return {part.col_begin, rows, part.col_end - part.col_begin, cols};
}

}  // namespace

Step activation_forward(const View& y, const View& x, Activation activation, double alpha) {
  const Check check("activation_forward");
  const DType dtype = stored_dtype(x);
  check.input("x", x, dtype, {kAny, kAny});
  check.output("y", y, dtype, {x.rows(), x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  check_alpha(check.function(), activation, alpha);
  if (on_device(check, {{"y", y}, {"x", x}})) {
    const auto step = [&](auto kernel, auto* to, const auto* from) {
      return masking_step(check, kernel, to, from, x.size(), activation, static_cast<float>(alpha));
    };
    const cuda::Launchers& kernels = cuda::launchers();
    if (dtype == DType::f32) return step(kernels.activation_forward, y.f32(), x.f32());
    return step(kernels.activation_forward_of_halves, y.as<std::uint16_t>(), x.as<const std::uint16_t>());
  }
  Step step = elementwise(check.function(), x.rows(), x.cols(), cost(activation));
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.activation.forward, y = y.as<T>(), x = x.as<const T>(), rows = x.rows(),
                cols = x.cols(), activation, alpha = static_cast<float>(alpha)](Worker& worker) {
      const Share mine = strided_share(worker, rows, cols);
      kernel(y + mine.offset, nullptr, x + mine.offset, nullptr, mine.rows, mine.cols, mine.ld, 0, mine.ld,
             activation, alpha);
    };
    return step;
  });
}

Step activation_backward(const View& dx, const View& dy, const View& saved, Activation activation,
                         double alpha) {
  const Check check("activation_backward");
  const DType dtype = stored_dtype(dy);
  check.input("dy", dy, dtype, {kAny, kAny});
  check.input("saved", saved, dtype, {dy.rows(), dy.cols()});
  check.output("dx", dx, dtype, {dy.rows(), dy.cols()});
  check.same_or_disjoint("dx", dx, "dy", dy);
  check.same_or_disjoint("dx", dx, "saved", saved);
  check_alpha(check.function(), activation, alpha);
  if (on_device(check, {{"dx", dx}, {"dy", dy}, {"saved", saved}})) {
    const auto step = [&](auto kernel, auto* to, const auto*... from) {
      return masking_step(check, kernel, to, from..., dy.size(), activation, static_cast<float>(alpha));
    };
    const cuda::Launchers& kernels = cuda::launchers();
    if (dtype == DType::f32) return step(kernels.activation_backward, dx.f32(), dy.f32(), saved.f32());
    return step(kernels.activation_backward_of_halves, dx.as<std::uint16_t>(), dy.as<const std::uint16_t>(),
                saved.as<const std::uint16_t>());
  }
  Step step = elementwise(check.function(), dy.rows(), dy.cols(), cost(activation));
  return with_kernels(dy, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.activation.backward, dx = dx.as<T>(), dy = dy.as<const T>(),
                saved = saved.as<const T>(), rows = dy.rows(), cols = dy.cols(), activation,
                alpha = static_cast<float>(alpha)](Worker& worker) {
      const Share mine = strided_share(worker, rows, cols);
      kernel(dx + mine.offset, dy + mine.offset, saved + mine.offset, mine.rows, mine.cols, mine.ld, mine.ld,
             mine.ld, activation, alpha);
    };
    return step;
  });
}

}  // namespace densor::ops
