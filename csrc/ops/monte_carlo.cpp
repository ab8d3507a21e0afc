#include "ops/monte_carlo.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

Step step_of(const Check& check, const View& x, double cost) {
  Step step;
  step.name = check.function();
  step.work = cost * static_cast<double>(x.size());
  return step;
}

}  // namespace

Step monte_carlo_accumulate(const View& mean, const View& squares, const View& x) {
  const Check check("monte_carlo_accumulate");
  check.matrix("x", x);
  check.output("mean", mean, DType::f32, {x.rows(), x.cols()});
  check.output("squares", squares, DType::f32, {x.rows(), x.cols()});
  check.disjoint({{"mean", mean}, {"squares", squares}}, {{"x", x}});
  if (on_device(check, {{"mean", mean}, {"squares", squares}, {"x", x}}))
    return masking_step(check, cuda::launchers().monte_carlo_accumulate, mean.f32(), squares.f32(), x.f32(),
                        x.size());
  Step step = step_of(check, x, 0.3);
  step.run = [kernel = cpu::active().monte_carlo_accumulate, mean = mean.f32(), squares = squares.f32(),
              x = x.f32(), n = x.size()](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    kernel(mean + mine.begin, squares + mine.begin, x + mine.begin, mine.size(), worker.batch.repeat);
  };
  return step;
}

Step monte_carlo_deviation(const View& deviation, const View& squares, std::int64_t samples) {
  const Check check("monte_carlo_deviation");
  check.matrix("squares", squares);
  check.output("deviation", deviation, DType::f32, {squares.rows(), squares.cols()});
  check.same_or_disjoint("deviation", deviation, "squares", squares);
  check.number("samples", static_cast<double>(samples), 1.0, 1e9);
  if (on_device(check, {{"deviation", deviation}, {"squares", squares}}))
    return masking_step(check, cuda::launchers().monte_carlo_deviation, deviation.f32(), squares.f32(),
                        squares.size(), samples);
  Step step = step_of(check, squares, 0.3);
  step.run = [kernel = cpu::active().monte_carlo_deviation, deviation = deviation.f32(),
              squares = squares.f32(), n = squares.size(), samples](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    kernel(deviation + mine.begin, squares + mine.begin, mine.size(), samples);
  };
  return step;
}

Step monte_carlo_entropy(const View& entropy, const View& p, bool independent) {
  const Check check("monte_carlo_entropy");
  check.matrix("p", p);
  check.output("entropy", entropy, DType::f32, {p.rows()});
  check.disjoint("entropy", entropy, "p", p);
  if (on_device(check, {{"entropy", entropy}, {"p", p}}))
    return masking_step(check, cuda::launchers().monte_carlo_entropy, entropy.f32(), p.f32(), p.rows(),
                        p.cols(), independent);
  Step step = step_of(check, p, 2.0);
  step.run = [kernel = cpu::active().monte_carlo_entropy, entropy = entropy.f32(), p = p.f32(),
              rows = p.rows(), cols = p.cols(), independent](Worker& worker) {
    const Range mine = worker.split(rows);
    kernel(entropy + mine.begin, p + mine.begin * cols, mine.size(), cols, independent);
  };
  return step;
}

}  // namespace densor::ops
