// Ops that count the elements of an array for which something holds, and find the first of them.
#pragma once

#include <algorithm>
#include <vector>

#include "core/check.h"
#include "core/parallel.h"
#include "cuda/memory.h"

namespace densor::ops {

struct Found {
  std::int64_t count;
  std::int64_t first;  // flat index in C order; -1: none
};

// `rows` runs of `cols` values, `stride` bytes from one to the next.
struct Runs {
  const char* data;
  std::int64_t rows, cols, stride;
};

// An array without gaps is one run.
inline Runs runs_of(const Check& check, const char* argument, const View& array) {
  if (!array) check.fail_type(argument, "expected an array, got None");
  if (!array.aligned())
    check.fail(argument, "must be aligned to its dtype; pass numpy.require(..., requirements='A')");
  if (array.contiguous()) return {array.as<const char>(), 1, array.size(), 0};
  if (!array.contiguous_from(1))
    check.fail(argument, "has rows that are not contiguous; pass numpy.ascontiguousarray(...)");
  return {array.as<const char>(), array.rows(), array.cols(), array.stride[0]};
}

// By all threads. `count(data, n)`: how many of n neighbours; asked again, value by value, where the first
// is.
template <class Count>
Found count_on_cpu(const Runs& runs, std::int64_t size, const Count& count) {
  constexpr std::int64_t kBlock = 1 << 14;  // values looked at together
  constexpr std::int64_t kWorth = 1 << 17;  // values that are worth another thread
  RunOptions options;
  options.workers =
      static_cast<int>(std::clamp<std::int64_t>(runs.rows * runs.cols / kWorth, 1, num_threads()));
  std::vector<Found> parts(static_cast<std::size_t>(options.workers), {0, -1});
  const std::int64_t per_run = (runs.cols + kBlock - 1) / kBlock;
  run_parallel(options, [&](Worker& worker) {
    Found& part = parts[static_cast<std::size_t>(worker.index())];
    const Range mine = worker.split(runs.rows * per_run);
    for (std::int64_t b = mine.begin; b < mine.end && !worker.cancelled(); ++b) {
      const std::int64_t row = b / per_run, col = b % per_run * kBlock;
      const char* block = runs.data + row * runs.stride + col * size;
      const std::int64_t found = count(block, std::min(kBlock, runs.cols - col));
      part.count += found;
      if (found == 0 || part.first >= 0) continue;
      std::int64_t i = 0;
      while (count(block + i * size, 1) == 0) ++i;
      part.first = row * runs.cols + col + i;
    }
  });
  Found result{0, -1};
  for (const Found& part : parts) {
    result.count += part.count;
    if (result.first < 0) result.first = part.first;
  }
  return result;
}

// One launch; what its blocks counted is added here. `launch(queue, counts, runs)`.
template <class Launch>
Found count_on_device(const Runs& runs, const Launch& launch) {
  std::vector<cuda::BlockCount> counts(cuda::kMostCounts, {0, cuda::kNoPlace});
  const auto memory = cuda::copy_to_device(counts);
  Queue queue;
  queue.stream = cuda::runtime().stream();
  launch(queue, memory->template as<cuda::BlockCount>(), runs);
  cuda::runtime().download(counts.data(), memory->template as<void>(), sizeof(counts[0]) * counts.size());
  Found result{0, cuda::kNoPlace};
  for (const cuda::BlockCount& block : counts) {
    result.count += block.count;
    result.first = std::min(result.first, block.first);
  }
  if (result.count == 0) result.first = -1;
  return result;
}

}  // namespace densor::ops
