#include "program/device_epoch.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "core/error.h"
#include "cuda/memory.h"

namespace densor {

namespace {

// Bytes of `count` values, or of nothing.
template <class T>
std::size_t bytes_of(const T* values, std::int64_t count) {
  return values != nullptr ? sizeof(T) * static_cast<std::size_t>(count) : 0;
}

class Graph {
 public:
  explicit Graph(const std::function<void()>& record) : graph_(cuda::runtime().capture(record)) {}
  ~Graph() { cuda::runtime().destroy(graph_); }
  Graph(const Graph&) = delete;

  void replay() const { cuda::runtime().replay(graph_); }

 private:
  void* graph_;
};

// Rows of the order that the epoch reads: the last batch may be shorter.
std::int64_t rows_read(const Epoch& epoch) {
  if (epoch.order == nullptr) return 0;
  const std::int64_t left = epoch.order_count - epoch.start;
  return epoch.batch_size > 0 ? std::min(left, epoch.batches * epoch.batch_size) : left;
}

class DeviceEpoch {
 public:
  explicit DeviceEpoch(const Epoch& epoch)
      : epoch_(epoch),
        rows_(rows_read(epoch)),
        order_(bytes_of(epoch.order, rows_)),
        hyper_(bytes_of(epoch.hyper, epoch.batches * epoch.hyper_count)),
        batch_(sizeof(Batch)),
        scratch_(sizeof(float) * static_cast<std::size_t>(most_scratch(epoch))) {
    first_.step = epoch.step;
    first_.start = epoch.start;
    first_.rows = epoch.order != nullptr ? epoch.order + epoch.start : nullptr;
    first_.row_count = epoch.order != nullptr ? epoch.order_count - epoch.start : 0;
    first_.hyper = epoch.hyper;
    first_.hyper_count = epoch.hyper_count;
    Batch on_device = first_;
    order_.fill(first_.rows, rows_);
    hyper_.fill(epoch.hyper, epoch.batches * epoch.hyper_count);
    on_device.rows = order_.as<const std::int64_t>();
    on_device.hyper = hyper_.as<const float>();
    batch_.fill(&on_device, 1);
    queue_ = {cuda::runtime().stream(), batch_.as<Batch>(), &first_, 0, scratch_.as<float>()};
  }

  std::int64_t run(const Poll& poll) {
    const std::int64_t whole = epoch_.batches - (epoch_.last != nullptr ? 1 : 0);
    prepare(*epoch_.full);
    if (epoch_.last != nullptr) prepare(*epoch_.last);
    std::optional<Graph> full;
    // One batch may have fewer rows than the distance to the next.
    queue_.row_count = whole > 1 ? whole * epoch_.batch_size : 0;
    // What runs once is launched as it is: to make a graph of it takes longer.
    if (whole > 1) full.emplace([this] { record(*epoch_.full); });
    for (std::int64_t b = 0; b < epoch_.batches; ++b) {
      if (b % kBatchesPerLook == 0 && cancelled(poll)) return b;
      if (b < whole) {
        full ? full->replay() : record(*epoch_.full);
      } else {
        advance(whole * epoch_.batch_size);
        record(*epoch_.last);
      }
      if ((b + 1) % kBatchesPerLook == 0 || b + 1 == epoch_.batches) look();
    }
    return epoch_.batches;
  }

 private:
  // Bounds how far the host runs ahead, and the time between two looks at the cancel flag.
  static constexpr std::int64_t kBatchesPerLook = 64;

  static std::int64_t most_scratch(const Epoch& epoch) {
    return std::max(epoch.full->scratch(), epoch.last != nullptr ? epoch.last->scratch() : 0);
  }

  // The host's copy of the batch at hand: the next recording begins so many rows later.
  void advance(std::int64_t rows) {
    first_.start += rows;
    if (first_.rows != nullptr) {
      first_.rows += rows;
      first_.row_count -= rows;
    }
    queue_.row_count = 0;
  }

  static bool cancelled(const Poll& poll) { return poll && poll(); }

  // What may not happen while launches are captured.
  void prepare(const Program& program) const {
    for (const auto* steps : {&program.compute(), &program.update()})
      for (const Step& step : *steps)
        if (step.prepare) step.prepare(queue_);
  }

  void record(const Program& program) {
    const Program::Repeat& repeat = program.repeat();
    for (std::int64_t r = 0; r < repeat.count; ++r) {
      if (r > 0) cuda::launchers().next_repeat(queue_, batch_.as<Batch>());
      for (std::size_t i = r == 0 ? 0 : repeat.from; i < program.compute().size(); ++i)
        program.compute()[i].launch(queue_);
    }
    for (const Step& step : program.update()) step.launch(queue_);
    cuda::launchers().next_batch(queue_, batch_.as<Batch>(), epoch_.batch_size, repeat.count);
  }

  // How far the device came. Throws what the CPU's refuse_nonfinite throws, where it refused a batch.
  void look() const {
    Batch now;
    cuda::runtime().download(&now, batch_.as<void>(), sizeof now);
    if (epoch_.progress != nullptr)
      std::atomic_ref<std::uint64_t>(*epoch_.progress)
          .store(static_cast<std::uint64_t>(now.taken), std::memory_order_relaxed);
    if (now.refusal == Refusal::none) return;
    throw Error(ErrorKind::runtime, "refuse_nonfinite",
                now.refusal == Refusal::totals ? "totals" : "gradients", "not finite");
  }

  const Epoch& epoch_;
  std::int64_t rows_;
  cuda::Memory order_, hyper_, batch_, scratch_;
  Batch first_;
  Queue queue_;
};

}  // namespace

std::int64_t run_on_device(const Epoch& epoch, const Poll& poll) {
  if (epoch.batches == 0) return 0;
  static std::mutex alone;  // there is one stream
  const std::lock_guard<std::mutex> lock(alone);
  return DeviceEpoch(epoch).run(poll);
}

}  // namespace densor
