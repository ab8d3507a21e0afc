#include "ops/layer_norm.h"

#include <limits>
#include <vector>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

namespace {

using cpu::kLayerNormStatistics;

// The sizes come from gamma or beta, whichever is there; without both a row is one span of one group.
cpu::LayerNorm checked(const Check& check, const View& x, const View& parameters, const char* name,
                       const LayerNormOptions& options) {
  check.input("x", x, stored_dtype(x), {kAny, kAny});
  if (x.cols() == 0) check.fail("x", "a row needs at least one column, got shape " + shape_text(x));
  check.number("epsilon", options.epsilon, 0.0, std::numeric_limits<float>::max());
  std::int64_t groups = 1, inner = x.cols();
  if (parameters) {
    check.input(name, parameters, DType::f32, {kAny, kAny});
    groups = parameters.rows();
    inner = parameters.cols();
    if (groups < 1 || inner < 1 || x.cols() % inner != 0)
      check.fail(name, "shape " + shape_text(parameters) + " does not divide rows of shape " + shape_text(x));
  }
  return {nullptr,     nullptr, groups, x.cols() / inner, inner, static_cast<float>(options.epsilon),
          options.kind};
}

Step row_step(const Check& check, const View& x, double cost) {
  Step step;
  step.name = check.function();
  step.work = cost * static_cast<double>(x.size()) + 20.0 * static_cast<double>(x.rows());
  return step;
}

// dx, then dgamma and dbeta.
template <class T>
Step backward_on_device(const Check& check, const cuda::LayerNormLaunchers<T>& kernels,
                        const LayerNormGradientViews& d, const View& dy, const View& x,
                        const View& statistics, const cpu::LayerNorm& p) {
  Step step;
  step.name = check.function();
  const bool parameters = d.dgamma || d.dbeta;
  if (parameters) step.scratch = cuda::layer_norm_scratch(x.rows(), p);
  step.masks_rows = true;
  step.launch = [&kernels, parameters, dx = d.dx.as<T>(), dgamma = d.dgamma.f32(), dbeta = d.dbeta.f32(),
                 dy = dy.as<const T>(), x = x.as<const T>(), statistics = statistics.f32(), rows = x.rows(),
                 p](const Queue& queue) {
    if (dx != nullptr) kernels.backward(queue, dx, dy, x, statistics, rows, p);
    if (parameters) kernels.parameters(queue, dgamma, dbeta, dy, x, statistics, rows, p);
  };
  return step;
}

// make(launchers) with those for the dtype in which the array is stored.
template <class Make>
Step with_launchers(const View& x, Make make) {
  const cuda::Launchers& kernels = cuda::launchers();
  return stored_step(x, kernels.layer_norm, kernels.layer_norm_of_halves, make);
}

}  // namespace

math::LayerNormKind layer_norm_kind(const char* function, const char* argument, const std::string& name) {
  std::vector<std::string> known;
  for (int i = 0; i < math::kLayerNormKinds; ++i)
    known.emplace_back(math::layer_norm_name(static_cast<math::LayerNormKind>(i)));
  return static_cast<math::LayerNormKind>(index_of_name(function, argument, name, known));
}

Step layer_norm_forward(const View& y, const View& statistics, const View& x, const View& gamma,
                        const View& beta, const LayerNormOptions& options) {
  const Check check("layer_norm_forward");
  cpu::LayerNorm p =
      gamma ? checked(check, x, gamma, "gamma", options) : checked(check, x, beta, "beta", options);
  if (gamma && beta) check.input("beta", beta, DType::f32, {gamma.rows(), gamma.cols()});
  p.gamma = gamma.f32();
  p.beta = beta.f32();
  check.output("y", y, x.dtype, {x.rows(), x.cols()});
  check.output("statistics", statistics, DType::f32, {x.rows(), kLayerNormStatistics});
  check.same_or_disjoint("y", y, "x", x);
  check.disjoint("statistics", statistics, "y", y);
  check.disjoint({{"y", y}, {"statistics", statistics}}, {{"gamma", gamma}, {"beta", beta}});
  check.disjoint("statistics", statistics, "x", x);
  if (on_device(check, {{"y", y}, {"statistics", statistics}, {"x", x}, {"gamma", gamma}, {"beta", beta}}))
    return with_launchers(x, [&]<class T>(const cuda::LayerNormLaunchers<T>& kernels) {
      return masking_step(check, kernels.forward, y.as<T>(), statistics.f32(), x.as<const T>(), x.rows(), p);
    });
  Step step = row_step(check, x, 0.4);
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.layer_norm.forward, y = y.as<T>(), statistics = statistics.f32(),
                x = x.as<const T>(), rows = x.rows(), p](Worker& worker) {
      const Range mine = worker.split(rows);
      kernel(y, statistics, x, mine.begin, mine.end, p);
    };
    return step;
  });
}

Step layer_norm_backward(const LayerNormGradientViews& d, const View& dy, const View& x,
                         const View& statistics, const View& gamma, const LayerNormOptions& options) {
  const Check check("layer_norm_backward");
  const View& parameters = gamma ? gamma : d.dbeta;
  cpu::LayerNorm p = checked(check, x, parameters, gamma ? "gamma" : "dbeta", options);
  p.gamma = gamma.f32();
  check.input("dy", dy, x.dtype, {x.rows(), x.cols()});
  check.input("statistics", statistics, DType::f32, {x.rows(), kLayerNormStatistics});
  check.optional_output("dx", d.dx, x.dtype, {x.rows(), x.cols()});
  check.optional_output("dgamma", d.dgamma, DType::f32, {p.groups, p.inner});
  check.optional_output("dbeta", d.dbeta, DType::f32, {p.groups, p.inner});
  check.disjoint({{"dx", d.dx}, {"dgamma", d.dgamma}, {"dbeta", d.dbeta}},
                 {{"dy", dy}, {"x", x}, {"statistics", statistics}, {"gamma", gamma}});
  if (on_device(check, {{"dx", d.dx},
                        {"dgamma", d.dgamma},
                        {"dbeta", d.dbeta},
                        {"dy", dy},
                        {"x", x},
                        {"statistics", statistics},
                        {"gamma", gamma}}))
    return with_launchers(
        x, [&](const auto& kernels) { return backward_on_device(check, kernels, d, dy, x, statistics, p); });
  Step step = row_step(check, x, 0.8);
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [&kernels = kernels.layer_norm, dx = d.dx.as<T>(), dgamma = d.dgamma.f32(),
                dbeta = d.dbeta.f32(), dy = dy.as<const T>(), x = x.as<const T>(),
                statistics = statistics.f32(), rows = x.rows(), p](Worker& worker) {
      const Range mine = worker.split(rows);
      if (dx != nullptr) kernels.backward(dx, dy, x, statistics, mine.begin, mine.end, p);
      if (dgamma == nullptr && dbeta == nullptr) return;
      const Range strips = worker.split(p.groups * ((p.inner + kLine - 1) / kLine));
      kernels.parameters(dgamma, dbeta, dy, x, statistics, rows, strips.begin, strips.end, p);
    };
    return step;
  });
}

}  // namespace densor::ops
