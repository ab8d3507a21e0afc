#include "ops/count_nonfinite.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/check.h"
#include "core/error.h"
#include "core/parallel.h"
#include "cpu/dispatch.h"
#include "cuda/memory.h"

namespace densor::ops {

namespace {

constexpr std::int64_t kBlock = 1 << 14;  // values looked at together

// `rows` runs of `cols` values, `stride` bytes from one to the next.
struct Runs {
  const char* data;
  std::int64_t rows, cols, stride;
};

// An array without gaps is one run.
Runs runs_of(const Check& check, const View& array) {
  if (!array) check.fail_type("array", "expected an array, got None");
  if (array.dtype != DType::f32 && array.dtype != DType::f64)
    check.fail_type("array",
                    std::string("expected dtype float32 or float64, got ") + dtype_name(array.dtype));
  if (!array.aligned())
    check.fail("array", "must be aligned to its dtype; pass numpy.require(..., requirements='A')");
  if (array.contiguous()) return {array.as<const char>(), 1, array.size(), 0};
  if (!array.contiguous_from(1))
    check.fail("array", "has rows that are not contiguous; pass numpy.ascontiguousarray(...)");
  return {array.as<const char>(), array.rows(), array.cols(), array.stride[0]};
}

template <class T>
std::int64_t first_nonfinite(const char* data, std::int64_t n) {
  const T* x = reinterpret_cast<const T*>(data);
  return std::find_if(x, x + n, [](T value) { return !std::isfinite(value); }) - x;
}

// The blocks of each run that are this worker's share.
Nonfinite count_share(const Runs& runs, DType dtype, Worker& worker) {
  const auto& kernels = cpu::active();
  const auto kernel = dtype == DType::f32 ? kernels.count_nonfinite_f32 : kernels.count_nonfinite_f64;
  const std::int64_t per_run = (runs.cols + kBlock - 1) / kBlock;
  const Range mine = worker.split(runs.rows * per_run);
  Nonfinite result{0, -1};
  for (std::int64_t b = mine.begin; b < mine.end && !worker.cancelled(); ++b) {
    const std::int64_t row = b / per_run, col = b % per_run * kBlock;
    const char* block = runs.data + row * runs.stride + col * item_size(dtype);
    const std::int64_t n = std::min(kBlock, runs.cols - col);
    const std::int64_t found = kernel(block, n);
    if (found > 0 && result.first < 0)
      result.first =
          row * runs.cols + col +
          (dtype == DType::f32 ? first_nonfinite<float>(block, n) : first_nonfinite<double>(block, n));
    result.count += found;
  }
  return result;
}

// One launch; the counts of its blocks are added here.
Nonfinite count_on_device(const Runs& runs, DType dtype) {
  std::vector<cuda::NonfiniteCount> counts(cuda::kMostCounts, {0, cuda::kNoPlace});
  const auto memory = cuda::copy_to_device(counts);
  const cuda::Launchers& kernels = cuda::launchers();
  Queue queue;
  queue.stream = cuda::runtime().stream();
  (dtype == DType::f32 ? kernels.count_nonfinite_f32 : kernels.count_nonfinite_f64)(
      queue, memory->as<cuda::NonfiniteCount>(), runs.data, runs.rows, runs.cols, runs.stride);
  cuda::runtime().download(counts.data(), memory->as<void>(), sizeof(counts[0]) * counts.size());
  Nonfinite result{0, cuda::kNoPlace};
  for (const cuda::NonfiniteCount& found : counts) {
    result.count += found.count;
    result.first = std::min(result.first, found.first);
  }
  if (result.count == 0) result.first = -1;
  return result;
}

}  // namespace

Nonfinite count_nonfinite(const View& array) {
  const Check check("count_nonfinite");
  const Runs runs = runs_of(check, array);
  if (array.device == Device::cuda) return count_on_device(runs, array.dtype);
  constexpr std::int64_t kWorth = 1 << 17;  // values that are worth another thread
  RunOptions options;
  options.workers = static_cast<int>(std::clamp<std::int64_t>(array.size() / kWorth, 1, num_threads()));
  std::vector<Nonfinite> parts(static_cast<std::size_t>(options.workers), {0, -1});
  run_parallel(options, [&](Worker& worker) {
    parts[static_cast<std::size_t>(worker.index())] = count_share(runs, array.dtype, worker);
  });
  Nonfinite result{0, -1};
  for (const Nonfinite& part : parts) {
    result.count += part.count;
    if (result.first < 0) result.first = part.first;
  }
  return result;
}

Step refuse_nonfinite(const std::vector<View>& totals, const View& gradients) {
  const Check check("refuse_nonfinite");
  std::vector<const double*> losses;
  for (const View& total : totals) {
    check.input("totals", total, DType::f64, {2});
    losses.push_back(total.as<const double>());
  }
  check.input("gradients", gradients, DType::f32, {kAny});
  if (gradients.device == Device::cuda)
    throw Error(ErrorKind::device, check.function(), "device",
                "a captured batch cannot be refused half-way; look at its gradients with count_nonfinite()");
  Step step;
  step.name = check.function();
  step.work = 0.1 * static_cast<double>(gradients.size());
  step.run = [losses, g = gradients.f32(), n = gradients.size(), kernel = cpu::active().count_nonfinite_f32,
              name = step.name](Worker& worker) {
    const auto refuse = [&](const char* argument) {
      throw Error(ErrorKind::runtime, name, argument, "not finite");
    };
    // A worker that throws never reaches the fence, so nobody passes it. Worker 0 wrote the sums.
    if (worker.index() == 0)
      for (const double* loss : losses)
        if (!std::isfinite(*loss)) refuse("totals");
    const Range mine = worker.split(n, kLine);
    for (std::int64_t i = mine.begin; i < mine.end; i += kBlock)
      if (kernel(g + i, std::min(kBlock, mine.end - i)) > 0) refuse("gradients");
  };
  return step;
}

}  // namespace densor::ops
