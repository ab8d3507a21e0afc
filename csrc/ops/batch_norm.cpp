#include "ops/batch_norm.h"

#include <limits>
#include <string>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "ops/activation.h"
#include "ops/dropout.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

using math::Activation;

namespace {

cpu::BatchNorm checked(const Check& check, const View& x, const View& gamma, const View& beta,
                       const BatchNormOptions& options) {
  check.input("x", x, stored_dtype(x), {kAny, kAny});
  check.optional_input("gamma", gamma, DType::f32, {x.cols()});
  check.optional_input("beta", beta, DType::f32, {x.cols()});
  check.number("epsilon", options.epsilon, 0.0, std::numeric_limits<float>::max());
  if (math::saves_input(options.activation))
    check.fail("activation", std::string("value '") + math::activation_name(options.activation) +
                                 "' needs its input for the derivative; apply it separately");
  check_alpha(check.function(), options.activation, options.alpha);
  return {gamma.f32(),        beta.f32(),
          x.rows(),           x.cols(),
          x.cols(),           static_cast<float>(options.epsilon),
          options.activation, static_cast<float>(options.alpha)};
}

void check_rows(const Check& check, const View& x) {
  if (x.rows() == 0) check.fail("x", "statistics need at least one row, got shape " + shape_text(x));
}

// Absent arrays stay absent.
template <class T>
T* from(T* array, std::int64_t column) {
  return array != nullptr ? array + column : nullptr;
}

// The columns of one worker.
cpu::BatchNorm part_of(cpu::BatchNorm p, const Range& columns) {
  p.gamma = from(p.gamma, columns.begin);
  p.beta = from(p.beta, columns.begin);
  p.cols = columns.size();
  return p;
}

Step local_step(const Check& check, const View& x, double cost) {
  Step step;
  step.name = check.function();
  step.work = cost * static_cast<double>(x.size());
  step.reads_columns = step.writes_columns = x.cols();
  return step;
}

// What both backward passes read and write; the statistics are of the batch, or moving ones.
struct BackwardViews {
  const BatchNormGradientViews& d;
  const View &dy, &x, &y, &mean, &variance, &gamma;
};

void check_backward(const Check& check, const BackwardViews& v, bool reads_y) {
  const std::int64_t rows = v.x.rows(), cols = v.x.cols();
  const DType dtype = stored_dtype(v.x);
  check.input("dy", v.dy, dtype, {rows, cols});
  if (reads_y) check.input("y", v.y, dtype, {rows, cols});
  check.optional_output("dx", v.d.dx, dtype, {rows, cols});
  check.optional_output("dgamma", v.d.dgamma, DType::f32, {cols});
  check.optional_output("dbeta", v.d.dbeta, DType::f32, {cols});
  for (const NamedView& input : {NamedView{"dy", v.dy}, NamedView{"x", v.x}, NamedView{"y", v.y}}) {
    check.same_or_disjoint("dx", v.d.dx, input.name, input.view);
    check.disjoint({{"dgamma", v.d.dgamma}, {"dbeta", v.d.dbeta}}, {input});
  }
}

void check_moments(const Check& check, const ProductMoments& moments, const View& x) {
  if (!moments.parts) return;
  check.number("moment_rows", static_cast<double>(moments.rows), 1.0, 1e9);
  check.input("moments", moments.parts, DType::f32,
              {2, (x.rows() + moments.rows - 1) / moments.rows, x.cols()});
}

cuda::FusedDropout for_device(const BatchNormDropout& dropout) {
  return {dropout.mask.as<std::uint16_t>(),
          {math::philox_key(dropout.seed), dropout.stream},
          dropout_threshold(dropout.rate),
          math::dropout_map(math::DropoutKind::inverted, dropout.rate),
          dropout.rounded};
}

// The columns of one worker, in the batch at hand.
cpu::FusedDropout part_of(cpu::FusedDropout drop, const Range& columns, const Batch& batch) {
  drop.mask = from(drop.mask, columns.begin / kLine);
  drop.column = columns.begin;
  drop.noise.step = static_cast<std::uint32_t>(batch.step);
  return drop;
}

cpu::FusedDropout for_cpu(const BatchNormDropout& dropout) {
  return {dropout.mask.as<std::uint16_t>(),
          0,
          {math::philox_key(dropout.seed), 0, dropout.stream, dropout_threshold(dropout.rate)},
          math::dropout_map(math::DropoutKind::inverted, dropout.rate),
          dropout.rounded};
}

cpu::PassedGradient part_of(cpu::PassedGradient passed, const Range& columns) {
  passed.mask = from(passed.mask, columns.begin / kLine);
  return passed;
}

cpu::PassedGradient passed_by(const BatchNormDropout& dropout) {
  return {dropout.mask.as<const std::uint16_t>(),
          math::dropout_map(math::DropoutKind::inverted, dropout.rate).scale, dropout.rounded};
}

bool gradients_on_device(const Check& check, const BackwardViews& v, const View& mask = {}) {
  return on_device(check, {{"dx", v.d.dx},
                           {"dgamma", v.d.dgamma},
                           {"dbeta", v.d.dbeta},
                           {"dy", v.dy},
                           {"x", v.x},
                           {"y", v.y},
                           {"mean", v.mean},
                           {"variance", v.variance},
                           {"gamma", v.gamma},
                           {"mask", mask}});
}

// make(launchers) with those for the dtype in which the array is stored.
template <class Make>
Step with_launchers(const View& x, Make make) {
  const cuda::Launchers& kernels = cuda::launchers();
  return stored_step(x, kernels.batch_norm, kernels.batch_norm_of_halves, make);
}

// kernel(launchers): the one to launch.
template <class Kernel, class... Rest>
Step backward_on_device(const Check& check, const BackwardViews& v, const cpu::BatchNorm& p, Kernel kernel,
                        Rest... rest) {
  Step step = with_launchers(v.x, [&]<class T>(const cuda::BatchNormLaunchers<T>& kernels) {
    return masking_step(check, kernel(kernels), v.d.dx.as<T>(), v.d.dgamma.f32(), v.d.dbeta.f32(),
                        v.dy.as<const T>(), v.x.as<const T>(), v.y.as<const T>(), v.mean.f32(),
                        v.variance.f32(), p, rest...);
  });
  step.scratch = cuda::batch_norm_scratch(p.rows, p.cols);
  return step;
}

template <class T>
struct BackwardArrays {
  cpu::BatchNormGradients<T> d;
  const T *dy, *x, *y;
  const float *mean, *variance;
};

// call(kernels, a, columns): with the arrays and the columns of a worker.
template <class Call>
Step backward_step(const Check& check, const BackwardViews& v, Call call) {
  Step step = local_step(check, v.x, 0.4);
  return with_kernels(v.x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    const BackwardArrays<T> arrays{{v.d.dx.as<T>(), v.d.dgamma.f32(), v.d.dbeta.f32()},
                                   v.dy.as<const T>(),
                                   v.x.as<const T>(),
                                   v.y.as<const T>(),
                                   v.mean.f32(),
                                   v.variance.f32()};
    step.run = [&kernels = kernels.batch_norm, arrays, call, cols = v.x.cols()](Worker& worker) {
      const Range mine = worker.split(cols, kLine);
      const std::int64_t j = mine.begin;
      BackwardArrays<T> a = arrays;
      a.d = {from(a.d.dx, j), from(a.d.dgamma, j), from(a.d.dbeta, j)};
      a.dy += j, a.x += j, a.mean += j, a.variance += j;
      a.y = from(a.y, j);
      call(kernels, a, mine);
    };
    return step;
  });
}

}  // namespace

Step batch_norm_forward(const View& y, const View& mean, const View& variance, const View& x,
                        const View& gamma, const View& beta, const BatchNormOptions& options,
                        const ProductMoments& moments, const BatchNormDropout& dropout) {
  const Check check("batch_norm_forward");
  const cpu::BatchNorm p = checked(check, x, gamma, beta, options);
  check.output("y", y, x.dtype, {x.rows(), x.cols()});
  check.output("mean", mean, DType::f32, {x.cols()});
  check.output("variance", variance, DType::f32, {x.cols()});
  check_rows(check, x);
  check_moments(check, moments, x);
  check_fused_dropout(check, dropout.mask, dropout.rate, x.rows(), x.cols(), options.activation);
  check.optional_output("mask", dropout.mask, DType::u16, {x.rows(), cpu::mask_words(x.cols())});
  check.disjoint({{"mask", dropout.mask}, {"y", y}, {"mean", mean}, {"variance", variance}},
                 {{"x", x}, {"gamma", gamma}, {"beta", beta}, {"moments", moments.parts}});
  if (on_device(check, {{"y", y},
                        {"mean", mean},
                        {"variance", variance},
                        {"x", x},
                        {"gamma", gamma},
                        {"beta", beta},
                        {"moments", moments.parts},
                        {"mask", dropout.mask}})) {
    Step step = with_launchers(x, [&]<class T>(const cuda::BatchNormLaunchers<T>& kernels) {
      return masking_step(check, kernels.forward, y.as<T>(), mean.f32(), variance.f32(), x.as<const T>(), p,
                          cuda::GivenMoments{moments.parts.f32(), moments.rows}, for_device(dropout));
    });
    step.scratch = cuda::batch_norm_scratch(p.rows, p.cols);
    return step;
  }
  if (moments.parts) check.fail("moments", "must be None on a CPU, where products leave none");
  Step step = local_step(check, x, dropout.mask ? 0.6 : 0.3);
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.batch_norm.forward, y = y.as<T>(), mean = mean.f32(),
                variance = variance.f32(), x = x.as<const T>(), p, drop = for_cpu(dropout)](Worker& worker) {
      const Range mine = worker.split(p.cols, kLine);
      const std::int64_t j = mine.begin;
      kernel(y + j, mean + j, variance + j, x + j, part_of(p, mine), part_of(drop, mine, worker.batch));
    };
    return step;
  });
}

Step batch_norm_inference(const View& y, const View& x, const View& gamma, const View& beta,
                          const View& moving_mean, const View& moving_variance,
                          const BatchNormOptions& options) {
  const Check check("batch_norm_inference");
  const cpu::BatchNorm p = checked(check, x, gamma, beta, options);
  check.output("y", y, x.dtype, {x.rows(), x.cols()});
  check.input("moving_mean", moving_mean, DType::f32, {x.cols()});
  check.input("moving_variance", moving_variance, DType::f32, {x.cols()});
  check.same_or_disjoint("y", y, "x", x);
  check.disjoint(
      {{"y", y}},
      {{"gamma", gamma}, {"beta", beta}, {"moving_mean", moving_mean}, {"moving_variance", moving_variance}});
  if (on_device(check, {{"y", y},
                        {"x", x},
                        {"gamma", gamma},
                        {"beta", beta},
                        {"moving_mean", moving_mean},
                        {"moving_variance", moving_variance}}))
    return with_launchers(x, [&]<class T>(const cuda::BatchNormLaunchers<T>& kernels) {
      return masking_step(check, kernels.inference, y.as<T>(), x.as<const T>(), moving_mean.f32(),
                          moving_variance.f32(), p);
    });
  Step step = local_step(check, x, 0.15);
  return with_kernels(x, [&]<class T>(const cpu::StoredKernels<T>& kernels) {
    step.run = [kernel = kernels.batch_norm.inference, y = y.as<T>(), x = x.as<const T>(),
                mean = moving_mean.f32(), variance = moving_variance.f32(), p](Worker& worker) {
      const Range mine = worker.split(p.cols, kLine);
      const std::int64_t j = mine.begin;
      kernel(y + j, x + j, mean + j, variance + j, part_of(p, mine));
    };
    return step;
  });
}

Step batch_norm_backward(const BatchNormGradientViews& gradients, const View& dy, const View& x,
                         const View& y, const View& mean, const View& variance, const View& gamma,
                         const BatchNormOptions& options, const BatchNormDropout& dropout) {
  const Check check("batch_norm_backward");
  const cpu::BatchNorm p = checked(check, x, gamma, View{}, options);
  const BackwardViews views{gradients, dy, x, y, mean, variance, gamma};
  check_fused_dropout(check, dropout.mask, dropout.rate, x.rows(), x.cols(), options.activation);
  check_backward(check, views, options.activation != Activation::linear && !dropout.mask);
  check.input("mean", mean, DType::f32, {x.cols()});
  check.input("variance", variance, DType::f32, {x.cols()});
  check_rows(check, x);
  check.disjoint({{"dx", gradients.dx}, {"dgamma", gradients.dgamma}, {"dbeta", gradients.dbeta}},
                 {{"mean", mean}, {"variance", variance}, {"gamma", gamma}});
  if (gradients_on_device(check, views, dropout.mask))
    return backward_on_device(
        check, views, p, [](const auto& kernels) { return kernels.backward; }, passed_by(dropout));
  return backward_step(
      check, views,
      [p, passed = passed_by(dropout)](const auto& kernels, const auto& a, const Range& columns) {
        kernels.backward(a.d, a.dy, a.x, a.y, a.mean, a.variance, part_of(p, columns),
                         part_of(passed, columns));
      });
}

Step batch_norm_inference_backward(const BatchNormGradientViews& gradients, const View& dy, const View& x,
                                   const View& y, const View& gamma, const View& moving_mean,
                                   const View& moving_variance, const BatchNormOptions& options) {
  const Check check("batch_norm_inference_backward");
  const cpu::BatchNorm p = checked(check, x, gamma, View{}, options);
  const BackwardViews views{gradients, dy, x, y, moving_mean, moving_variance, gamma};
  check_backward(check, views, options.activation != Activation::linear);
  check.input("moving_mean", moving_mean, DType::f32, {x.cols()});
  check.input("moving_variance", moving_variance, DType::f32, {x.cols()});
  check.disjoint({{"dx", gradients.dx}, {"dgamma", gradients.dgamma}, {"dbeta", gradients.dbeta}},
                 {{"moving_mean", moving_mean}, {"moving_variance", moving_variance}, {"gamma", gamma}});
  if (gradients_on_device(check, views))
    return backward_on_device(check, views, p,
                              [](const auto& kernels) { return kernels.inference_backward; });
  return backward_step(check, views, [p](const auto& kernels, const auto& a, const Range& columns) {
    kernels.inference_backward(a.d, a.dy, a.x, a.y, a.mean, a.variance, part_of(p, columns));
  });
}

Step batch_norm_update(const View& moving_mean, const View& moving_variance, const View& mean,
                       const View& variance, const MovingAverageOptions& options) {
  const Check check("batch_norm_update");
  check.output("moving_mean", moving_mean, DType::f32, {kAny});
  const std::int64_t cols = moving_mean.rows();
  check.output("moving_variance", moving_variance, DType::f32, {cols});
  check.input("mean", mean, DType::f32, {cols});
  check.input("variance", variance, DType::f32, {cols});
  check.number("momentum", options.momentum, 0.0, 1.0);
  check.number("correction", options.correction, 0.0, std::numeric_limits<float>::max());
  check.disjoint({{"moving_mean", moving_mean}, {"moving_variance", moving_variance}},
                 {{"mean", mean}, {"variance", variance}});
  const cpu::MovingAverage average{static_cast<float>(options.momentum),
                                   static_cast<float>(1.0 - options.momentum),
                                   static_cast<float>(options.correction), options.from_first};
  if (on_device(check, {{"moving_mean", moving_mean},
                        {"moving_variance", moving_variance},
                        {"mean", mean},
                        {"variance", variance}}))
    return masking_step(check, cuda::launchers().batch_norm_update, moving_mean.f32(), moving_variance.f32(),
                        mean.f32(), variance.f32(), cols, average);
  Step step = local_step(check, mean, 0.5);
  step.reads_columns = step.writes_columns = cols;
  step.run = [kernel = cpu::active().batch_norm_update, moving_mean = moving_mean.f32(),
              moving_variance = moving_variance.f32(), mean = mean.f32(), variance = variance.f32(), cols,
              average](Worker& worker) {
    const Range mine = worker.split(cols, kLine);
    const std::int64_t j = mine.begin;
    kernel(moving_mean + j, moving_variance + j, mean + j, variance + j, mine.size(), average);
  };
  return step;
}

}  // namespace densor::ops
