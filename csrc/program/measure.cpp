#include "program/measure.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "core/parallel.h"
#include "cpu/dispatch.h"

namespace densor {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHugePage = std::size_t{1} << 21;
constexpr auto kBudget = std::chrono::milliseconds(50);

// Median seconds of `body` on all workers at once, from as many runs as the budget holds, at least five.
double median_seconds(int threads, const std::function<void(Worker&)>& body) {
  std::vector<double> seconds;
  const auto end = Clock::now() + kBudget;
  while (seconds.size() < 5 || Clock::now() < end) {
    Clock::time_point begin;
    double elapsed = 0;
    run_parallel({threads, 0, {}}, [&](Worker& worker) {
      worker.barrier();
      if (worker.index() == 0) begin = Clock::now();
      body(worker);
      worker.barrier();
      if (worker.index() == 0) elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    });
    seconds.push_back(elapsed);
  }
  std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace

namespace {

double measure_peak(double (*peak)(std::int64_t), std::int64_t rounds, int threads) {
  std::atomic<double> operations{0};
  const double seconds = median_seconds(threads, [&](Worker& worker) {
    const double mine = peak(rounds);
    if (worker.index() == 0) operations = mine * worker.count();
  });
  return operations / seconds / 1e9;
}

}  // namespace

double measure_fma_peak(int threads) { return measure_peak(cpu::active().gemm.peak, 100000, threads); }

double measure_matrix_peak(int threads) {
  const auto peak = cpu::active().gemm.units.peak;
  return peak != nullptr ? measure_peak(peak, 1000, threads) : 0.0;
}

namespace {

using Memory = std::unique_ptr<float, decltype(&std::free)>;

// n ones.
Memory ones(std::int64_t n) {
  const std::size_t size = (static_cast<std::size_t>(n) * 4 + kHugePage - 1) / kHugePage * kHugePage;
  Memory memory(static_cast<float*>(std::aligned_alloc(kHugePage, size)), &std::free);
  if (!memory) throw std::bad_alloc();
  madvise(memory.get(), size, MADV_HUGEPAGE);  // as NumPy does with large arrays
  std::fill_n(memory.get(), n, 1.0f);
  return memory;
}

}  // namespace

double measure_passes(std::int64_t bytes, const std::vector<Pass>& passes, int threads) {
  // Lines behind one another's: arrays whose distance is a power of two would push one another out of L1.
  constexpr std::int64_t kApart = 17 * kLine;
  constexpr int kMaxReads = 4;
  const std::int64_t n = std::max<std::int64_t>(bytes / 4, 1),
                     each = (n + kLine - 1) / kLine * kLine + kApart;
  const Memory memory = ones((kMaxReads + 1) * each);
  std::atomic<float> sink{0.0f};
  return median_seconds(threads, [&](Worker& worker) {
    const Range mine = worker.split(n, kLine);
    const float* x[kMaxReads];
    for (int i = 0; i < kMaxReads; ++i) x[i] = memory.get() + i * each + mine.begin;
    float* y = memory.get() + kMaxReads * each + mine.begin;
    for (const Pass& pass : passes)
      sink = cpu::active().stream(pass.writes ? y : nullptr, x, pass.reads, mine.size());
  });
}

double measure_bandwidth(std::int64_t bytes, int threads) {
  const std::int64_t n = std::max<std::int64_t>(bytes / 4, 1);
  const Memory memory = ones(n);
  const double seconds = median_seconds(threads, [&](Worker& worker) {
    const Range mine = worker.split(n, 1024);
    float* x = memory.get() + mine.begin;
    cpu::active().rescale(x, x, mine.size(), 1.0f, 0.0f);
  });
  return 8.0 * static_cast<double>(n) / seconds / 1e9;
}

}  // namespace densor
