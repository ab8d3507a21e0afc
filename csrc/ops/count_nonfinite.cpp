#include "ops/count_nonfinite.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

bool is_on_device(const Check& check, const std::vector<View>& totals, const View& gradients) {
  std::vector<NamedView> all{{"gradients", gradients}};
  for (const View& total : totals) all.push_back({"totals", total});
  return on_device(check, all);
}

}  // namespace

Found count_nonfinite(const View& array) {
  const Check check("count_nonfinite");
  if (array && array.dtype != DType::f32 && array.dtype != DType::f64)
    check.fail_type("array",
                    std::string("expected dtype float32 or float64, got ") + dtype_name(array.dtype));
  const Runs runs = runs_of(check, "array", array);
  const bool narrow = array.dtype == DType::f32;
  if (array.device == Device::cuda) {
    const cuda::Launchers& kernels = cuda::launchers();
    return count_on_device(runs,
                           [kernel = narrow ? kernels.count_nonfinite_f32 : kernels.count_nonfinite_f64](
                               const Queue& queue, cuda::BlockCount* counts, const Runs& r) {
                             kernel(queue, counts, r.data, r.rows, r.cols, r.stride);
                           });
  }
  const auto& kernels = cpu::active();
  return count_on_cpu(runs, item_size(array.dtype),
                      narrow ? kernels.count_nonfinite_f32 : kernels.count_nonfinite_f64);
}

namespace {

// Bits of magnitudes: sums of at most kMostTerms products of two numbers below 2^48 stay below 2^124, with
// all their roundings.
constexpr std::uint32_t kHarmless = (127u + 48u) << 23, kInfinity = 0x7f800000u;
constexpr std::int64_t kMostTerms = std::int64_t{1} << 26;

// A gradient x^T dz is finite if all of x and dz are small enough, and is not if one of them is not finite.
// What lies between is computed.
class Guard {
 public:
  struct Values {
    const float* data;
    std::int64_t count;
    bool operator==(const Values& other) const { return data == other.data && count == other.count; }
  };

  Guard(std::vector<const double*> losses, std::vector<Values> stored, std::vector<Values> operands,
        std::vector<WeightGradient> computed)
      : kernels_(cpu::active()),
        losses_(std::move(losses)),
        stored_(std::move(stored)),
        operands_(std::move(operands)),
        computed_(std::move(computed)) {}

  void run(Worker& worker) {
    // A worker that throws never reaches the barrier, so nobody passes it. Worker 0 wrote the sums.
    if (worker.index() == 0)
      for (const double* loss : losses_)
        if (!std::isfinite(*loss)) refuse("totals");
    if (largest(stored_, worker) >= kInfinity) refuse("gradients");
    if (largest(operands_, worker) >= kHarmless)
      doubtful_.store(worker.batch.step, std::memory_order_relaxed);
    worker.barrier();
    if (doubtful_.load(std::memory_order_relaxed) != worker.batch.step) return;
    for (const WeightGradient& gradient : computed_) gradient.each_block(kernels_, worker, look);
    worker.barrier();
  }

 private:
  [[noreturn]] static void refuse(const char* argument) {
    throw Error(ErrorKind::runtime, "refuse_nonfinite", argument, "not finite");
  }

  std::uint32_t largest(const std::vector<Values>& arrays, const Worker& worker) const {
    std::uint32_t result = 0;
    for (const Values& array : arrays) {
      const Range mine = worker.split(array.count, kLine);
      result = std::max(result, kernels_.largest_magnitude(array.data + mine.begin, mine.size()));
    }
    return result;
  }

  static void look(const WeightGradient::Block& block) {
    for (std::int64_t i = 0; i < block.rows; ++i)
      if (cpu::active().largest_magnitude(block.g + i * block.ldg, block.cols) >= kInfinity)
        refuse("gradients");
  }

  const cpu::Kernels& kernels_;
  std::vector<const double*> losses_;
  std::vector<Values> stored_, operands_;
  std::vector<WeightGradient> computed_;
  std::atomic<std::uint64_t> doubtful_{UINT64_MAX};  // the batch whose operands are not harmless
};

// The variables whose gradients are read, in runs.
std::vector<Guard::Values> stored_gradients(const Check& check, const View& gradients, const View& bounds,
                                            const std::vector<WeightGradient>& computed) {
  std::vector<Guard::Values> result;
  const std::int64_t n = gradients.size();
  for (std::int64_t k = 0; k < bounds.rows(); ++k) {
    const auto* pair = bounds.as<const std::int64_t>() + 2 * k;
    if (pair[0] < 0 || pair[1] < 0 || pair[0] > n || pair[1] > n - pair[0])
      check.fail("segments", "segment " + std::to_string(k) + " (offset " + std::to_string(pair[0]) +
                                 ", size " + std::to_string(pair[1]) + ") does not lie in the " +
                                 std::to_string(n) + " gradients");
    const auto is_this = [k](const WeightGradient& gradient) { return gradient.segment() == k; };
    if (std::none_of(computed.begin(), computed.end(), is_this))
      result.push_back({gradients.f32() + pair[0], pair[1]});
  }
  return result;
}

// Each array once: a kernel and its bias share dz.
std::vector<Guard::Values> operands_of(const Check& check, const ComputedGradients& computed) {
  std::vector<Guard::Values> result;
  for (const auto* views : {&computed.x, &computed.dz}) {
    for (const View& view : *views) {
      if (!view) continue;
      if (view.rows() > kMostTerms) check.fail("dz", "has more than 2^26 rows");
      const Guard::Values values{view.f32(), view.size()};
      if (std::find(result.begin(), result.end(), values) == result.end()) result.push_back(values);
    }
  }
  return result;
}

Step refuse_on_device(const Check& check, const std::vector<const double*>& losses,
                      const std::vector<Guard::Values>& gradients) {
  std::vector<cuda::Values> arrays;
  for (const Guard::Values& values : gradients) arrays.push_back({values.data, values.count});
  Step step;
  step.name = check.function();
  step.masks_rows = step.refuses = true;
  step.launch = [totals = cuda::copy_to_device(losses), losses, tables = cuda::copy_to_device(arrays),
                 arrays](const Queue& queue) {
    cuda::launchers().refuse_nonfinite(queue, totals->as<const double* const>(), losses,
                                       tables->as<const cuda::Values>(), arrays);
  };
  return step;
}

}  // namespace

Step refuse_nonfinite(const std::vector<View>& totals, const View& gradients, const View& bounds,
                      const ComputedGradients& computed) {
  const Check check("refuse_nonfinite");
  std::vector<const double*> losses;
  for (const View& total : totals) {
    check.input("totals", total, DType::f64, {2});
    losses.push_back(total.as<const double>());
  }
  check.input("gradients", gradients, DType::f32, {kAny});
  check.input("segments", bounds, DType::i64, {kAny, 2});
  require_host(check, "segments", bounds);
  auto products = read_computed(check, computed, gradients, bounds);
  auto stored = stored_gradients(check, gradients, bounds, products);
  if (is_on_device(check, totals, gradients)) {
    if (!products.empty()) check.fail("computed", "must be empty on a device");
    return refuse_on_device(check, losses, stored);
  }
  auto operands = operands_of(check, computed);
  Step step;
  step.name = check.function();
  step.unread = true;  // its barrier is inside
  for (const auto* arrays : {&stored, &operands})
    for (const Guard::Values& values : *arrays) step.work += 0.05 * static_cast<double>(values.count);
  for (const WeightGradient& product : products) step.scratch = std::max(step.scratch, product.scratch());
  auto guard =
      std::make_shared<Guard>(std::move(losses), std::move(stored), std::move(operands), std::move(products));
  step.run = [guard](Worker& worker) { guard->run(worker); };
  return step;
}

}  // namespace densor::ops
