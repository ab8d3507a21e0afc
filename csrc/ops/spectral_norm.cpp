#include "ops/spectral_norm.h"

#include <cmath>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

struct PowerIteration {
  const cpu::Kernels* kernels;
  float *w, *u, *v;
  std::int64_t rows, cols, count;

  float length(const float* x, std::int64_t n) const {
    return static_cast<float>(std::sqrt(kernels->sum_of_squares(x, n)));
  }
  void divide(float* x, const Range& mine, float by) const {
    if (!mine.empty()) kernels->rescale(x + mine.begin, x + mine.begin, mine.size(), 1.0f / by, 0.0f);
  }

  // All workers know the lengths, each computing them from the whole vector; each divides its own share.
  void run(Worker& worker) const {
    const Range my_rows = worker.split(rows, kLine), my_cols = worker.split(cols, kLine);
    float sigma = 0.0f;
    for (std::int64_t i = 0; i < count; ++i) {
      kernels->rows_times(v, w, u, my_rows.begin, my_rows.end, cols);
      worker.barrier();
      const float left = length(v, rows);
      worker.barrier();
      if (!(left > 0.0f)) return;
      divide(v, my_rows, left);
      worker.barrier();
      kernels->columns_times(u, w, v, rows, my_cols.begin, my_cols.end, cols);
      worker.barrier();
      sigma = length(u, cols);
      worker.barrier();
      divide(u, my_cols, sigma);
      worker.barrier();
    }
    divide(w, {my_rows.begin * cols, my_rows.end * cols}, sigma);
  }
};

}  // namespace

Step spectral_norm(const View& kernel, const View& u, const View& v, std::int64_t iterations) {
  const Check check("spectral_norm");
  check.output_matrix("kernel", kernel);
  check.output("u", u, DType::f32, {kernel.cols()});
  check.output("v", v, DType::f32, {kernel.rows()});
  check.disjoint({{"kernel", kernel}, {"u", u}, {"v", v}}, {});
  check.number("iterations", static_cast<double>(iterations), 1.0, 1e6);
  if (on_device(check, {{"kernel", kernel}, {"u", u}, {"v", v}})) {
    Step step = masking_step(check, cuda::launchers().spectral_norm, kernel.f32(), u.f32(), v.f32(),
                             kernel.rows(), kernel.cols(), iterations);
    step.scratch = cuda::kSpectralNormScratch;
    return step;
  }
  Step step;
  step.name = check.function();
  step.work = (0.4 * static_cast<double>(iterations) + 0.2) * static_cast<double>(kernel.size());
  const PowerIteration iteration{&cpu::active(), kernel.f32(),  u.f32(),   v.f32(),
                                 kernel.rows(),  kernel.cols(), iterations};
  step.run = [iteration](Worker& worker) { iteration.run(worker); };
  return step;
}

}  // namespace densor::ops
