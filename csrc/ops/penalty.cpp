#include "ops/penalty.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

constexpr std::int64_t kBlock = 4096;  // elements whose penalties are summed together
constexpr double kLargest = std::numeric_limits<float>::max();

struct Block {
  const float* x;
  float* dx;  // or null
  std::int64_t n;
  double l1, l2;
};

struct Pass {
  const cpu::Kernels* kernels;
  std::vector<Block> blocks;
  std::vector<double> values;  // by block; empty: not wanted
  double* totals;
  double weight, scale;
  bool add;

  void run(Worker& worker) {
    const Range mine = worker.split(static_cast<std::int64_t>(blocks.size()));
    for (std::int64_t b = mine.begin; b < mine.end; ++b) run_block(static_cast<std::size_t>(b));
    if (values.empty()) return;
    worker.barrier();
    if (worker.index() != 0) return;
    double sum = 0.0;
    for (const double value : values) sum += value;
    totals[0] += weight * sum;
  }

  void run_block(std::size_t b) {
    const Block& block = blocks[b];
    if (!values.empty()) values[b] = kernels->penalty_value(block.x, block.n, block.l1, block.l2);
    if (block.dx != nullptr)
      kernels->penalty_gradient(block.dx, block.x, block.n, static_cast<float>(scale * block.l1),
                                static_cast<float>(scale * block.l2), add);
  }
};

void check_arrays(const Check& check, const View& totals, const std::vector<View>& xs,
                  const std::vector<View>& dxs) {
  if (!dxs.empty() && dxs.size() != xs.size())
    check.fail("dxs", "expected none or " + std::to_string(xs.size()) + " arrays, got " +
                          std::to_string(dxs.size()));
  for (const View& x : xs) check.any_input("xs", x, DType::f32);
  for (std::size_t k = 0; k < dxs.size(); ++k) {
    check.any_output("dxs", dxs[k], DType::f32);
    if (dxs[k].size() != xs[k].size())
      check.fail("dxs", "array " + std::to_string(k) + " has " + std::to_string(dxs[k].size()) +
                            " elements, its x has " + std::to_string(xs[k].size()));
    for (const View& x : xs) check.disjoint("dxs", dxs[k], "xs", x);
    for (std::size_t j = 0; j < k; ++j) check.disjoint("dxs", dxs[k], "dxs", dxs[j]);
  }
  if (totals) check.output("totals", totals, DType::f64, {2});
}

// The coefficient of each array: finite and not negative. They are wanted on the host, wherever they are.
std::vector<double> checked_coefficients(const Check& check, const char* argument, const View& view,
                                         std::size_t count) {
  check.input(argument, view, DType::f64, {static_cast<std::int64_t>(count)});
  std::vector<double> values(count);
  if (view.device == Device::cuda)
    cuda::runtime().download(values.data(), view.data, count * sizeof(double));
  else
    std::copy_n(view.as<double>(), count, values.begin());
  for (const double value : values) check.number(argument, value, 0.0, kLargest);
  return values;
}

// All on one device.
bool arrays_on_device(const Check& check, const View& totals, const std::vector<View>& xs,
                      const std::vector<View>& dxs) {
  bool device = on_device(check, {{"totals", totals}});
  for (std::size_t k = 0; k < xs.size(); ++k)
    device = on_device(
        check, {{"xs", xs[0]}, {"xs", xs[k]}, {"dxs", dxs.empty() ? View{} : dxs[k]}, {"totals", totals}});
  return device;
}

Step step_on_device(const Check& check, const View& totals, const std::vector<cuda::PenaltyTerm>& terms,
                    double weight, bool by_rows, double scale, bool add) {
  Step step =
      masking_step(check, cuda::launchers().penalty, totals.as<double>(), terms, weight, by_rows, scale, add);
  if (totals)
    for (const cuda::PenaltyTerm& term : terms) step.scratch += 2 * cuda::penalty_pieces(term.n);
  return step;
}

}  // namespace

Step penalty(const View& totals, const std::vector<View>& xs, const std::vector<View>& dxs, const View& l1,
             const View& l2, double weight, double scale, bool add, bool by_rows) {
  const Check check("penalty");
  check_arrays(check, totals, xs, dxs);
  const std::vector<double> slopes = checked_coefficients(check, "l1", l1, xs.size());
  const std::vector<double> curvatures = checked_coefficients(check, "l2", l2, xs.size());
  check.number("weight", weight, -kLargest, kLargest);
  check.number("scale", scale, -kLargest, kLargest);
  std::vector<cuda::PenaltyTerm> terms;
  for (std::size_t k = 0; k < xs.size(); ++k)
    terms.push_back(
        {xs[k].f32(), dxs.empty() ? nullptr : dxs[k].f32(), xs[k].size(), slopes[k], curvatures[k]});
  if (arrays_on_device(check, totals, xs, dxs))
    return step_on_device(check, totals, terms, weight, by_rows, scale, add);
  auto pass = std::make_shared<Pass>(
      Pass{&cpu::active(), {}, {}, totals ? totals.as<double>() : nullptr, weight, scale, add});
  Step step;
  step.name = check.function();
  for (const cuda::PenaltyTerm& term : terms) {
    const std::int64_t n = term.n;
    step.work +=
        (totals ? 0.25 : 0.0) * static_cast<double>(n) + (dxs.empty() ? 0.0 : 0.15) * static_cast<double>(n);
    for (std::int64_t begin = 0; begin < n; begin += kBlock)
      pass->blocks.push_back({term.x + begin, term.dx != nullptr ? term.dx + begin : nullptr,
                              std::min(kBlock, n - begin), term.l1, term.l2});
  }
  if (totals) pass->values.resize(pass->blocks.size());
  step.run = [pass](Worker& worker) { pass->run(worker); };
  return step;
}

}  // namespace densor::ops
