#include "cases.h"

namespace densor::native {

namespace {

constexpr std::int64_t kRows = 37;

template <class T>
void batch_norm(const cpu::BatchNormKernels<T>& kernels) {
  Hash training, inference;
  for (const std::int64_t cols : kWidths) {
    Random random(cols);
    const auto x = stored<T>(random.floats(kRows * cols)), dy = stored<T>(random.floats(kRows * cols));
    const Floats gamma = random.floats(cols), beta = random.floats(cols);
    std::vector<T> y(x.size()), dx(x.size());
    Floats mean(gamma.size()), variance(mean), dgamma(mean), dbeta(mean);
    const cpu::BatchNorm p{gamma.data(), beta.data(), kRows, cols, cols, 1e-3f, math::Activation::relu, 0.0f};
    const cpu::BatchNormGradients<T> d{dx.data(), dgamma.data(), dbeta.data()};
    kernels.forward(y.data(), mean.data(), variance.data(), x.data(), p, {});
    kernels.backward(d, dy.data(), x.data(), y.data(), mean.data(), variance.data(), p, {});
    training.add(y).add(mean).add(variance).add(dx).add(dgamma).add(dbeta);
    kernels.inference(y.data(), x.data(), beta.data(), variance.data(), p);
    kernels.inference_backward(d, dy.data(), x.data(), y.data(), beta.data(), variance.data(), p);
    inference.add(y).add(dx).add(dgamma).add(dbeta);
  }
  report(named<T>("batch_norm_forward, _backward"), training);
  report(named<T>("batch_norm_inference, _backward"), inference);
}

void batch_norm_update(const cpu::Kernels& kernels) {
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Random random(cols);
    const Floats mean = random.floats(cols), variance = random.floats(cols, 0.0f, 2.0f);
    Floats moving_mean = random.floats(cols), moving_variance = random.floats(cols, 0.0f, 2.0f);
    kernels.batch_norm_update(moving_mean.data(), moving_variance.data(), mean.data(), variance.data(), cols,
                              {0.99f, 0.01f, 1.1f, false});
    hash.add(moving_mean).add(moving_variance);
  }
  report("batch_norm_update", hash);
}

template <class T>
void layer_norm(const cpu::LayerNormKernels<T>& kernels) {
  for (int kind = 0; kind < math::kLayerNormKinds; ++kind) {
    const auto which = static_cast<math::LayerNormKind>(kind);
    Hash hash;
    for (const std::int64_t inner : kWidths) {
      for (const std::int64_t groups : {1, 2}) {
        const std::int64_t spans = 2, rows = 8, cols = spans * inner, strips = groups * ((inner + 15) / 16);
        Random random(inner);
        const auto x = stored<T>(random.floats(rows * cols)), dy = stored<T>(random.floats(rows * cols));
        const Floats gamma = random.floats(groups * inner), beta = random.floats(groups * inner);
        std::vector<T> y(x.size()), dx(x.size());
        Floats dgamma(gamma.size()), dbeta(gamma.size());
        Floats statistics(static_cast<std::size_t>(rows * cpu::kLayerNormStatistics));
        const cpu::LayerNorm p{gamma.data(), beta.data(), groups, spans, inner, 1e-3f, which};
        kernels.forward(y.data(), statistics.data(), x.data(), 0, rows, p);
        kernels.backward(dx.data(), dy.data(), x.data(), statistics.data(), 0, rows, p);
        kernels.parameters(dgamma.data(), dbeta.data(), dy.data(), x.data(), statistics.data(), rows, 0,
                           strips, p);
        hash.add(y).add(statistics).add(dx).add(dgamma).add(dbeta);
      }
    }
    report(named<T>(std::string("layer_norm ") + math::layer_norm_name(which)), hash);
  }
}

}  // namespace

void normalization_cases(const cpu::Kernels& kernels) {
  batch_norm(kernels.floats.batch_norm);
  batch_norm(kernels.halves.batch_norm);
  batch_norm_update(kernels);
  layer_norm(kernels.floats.layer_norm);
  layer_norm(kernels.halves.layer_norm);
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Random random(cols + 3);
    const Floats x = random.floats(kRows * cols), mean = random.floats(cols),
                 variance = random.floats(cols, 0, 2);
    Floats y(x.size());
    for (const bool invert : {false, true}) {
      kernels.standardize(y.data(), x.data(), mean.data(), variance.data(), kRows, cols, cols, 1e-7f, invert);
      hash.add(y);
    }
  }
  report("standardize", hash);
}

}  // namespace densor::native
