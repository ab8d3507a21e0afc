#include "program/device_epoch.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/error.h"
#include "cuda/launch.h"

namespace densor {

namespace {

// Device memory that the run gives back.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes) : data_(bytes > 0 ? cuda::runtime().allocate(bytes) : nullptr) {}
  ~DeviceMemory() {
    if (data_ != nullptr) cuda::runtime().release(data_);
  }
  DeviceMemory(const DeviceMemory&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  // A copy of `count` values, or nothing of nothing.
  template <class T>
  static std::size_t bytes_of(const T* values, std::int64_t count) {
    return values != nullptr ? sizeof(T) * static_cast<std::size_t>(count) : 0;
  }
  template <class T>
  const T* fill(const T* values, std::int64_t count) {
    if (data_ != nullptr) cuda::runtime().upload(data_, values, bytes_of(values, count));
    return as<const T>();
  }

 private:
  void* data_;
};

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
        order_(DeviceMemory::bytes_of(epoch.order, rows_)),
        hyper_(DeviceMemory::bytes_of(epoch.hyper, epoch.batches * epoch.hyper_count)),
        batch_(sizeof(Batch)),
        scratch_(sizeof(float) * static_cast<std::size_t>(most_scratch(epoch))) {
    first_.step = epoch.step;
    first_.start = epoch.start;
    first_.rows = epoch.order != nullptr ? epoch.order + epoch.start : nullptr;
    first_.row_count = epoch.order != nullptr ? epoch.order_count - epoch.start : 0;
    first_.hyper = epoch.hyper;
    first_.hyper_count = epoch.hyper_count;
    Batch on_device = first_;
    on_device.rows = order_.fill(first_.rows, rows_);
    on_device.hyper = hyper_.fill(epoch.hyper, epoch.batches * epoch.hyper_count);
    cuda::runtime().upload(batch_.as<Batch>(), &on_device, sizeof(Batch));
    queue_ = {cuda::runtime().stream(), batch_.as<Batch>(), &first_, rows_, scratch_.as<float>()};
  }

  std::int64_t run(const Poll& poll) {
    const bool partial = epoch_.last != nullptr;
    const Graph full([this] { record(*epoch_.full); });
    for (std::int64_t b = 0; b < epoch_.batches; ++b) {
      if (b % kBatchesPerLook == 0 && cancelled(poll)) return b;
      if (partial && b + 1 == epoch_.batches)
        Graph([this] { record(*epoch_.last); }).replay();
      else
        full.replay();
      if ((b + 1) % kBatchesPerLook == 0 || b + 1 == epoch_.batches) arrive(b + 1);
    }
    return epoch_.batches;
  }

 private:
  // Bounds how far the host runs ahead, and the time between two looks at the cancel flag.
  static constexpr std::int64_t kBatchesPerLook = 64;

  static std::int64_t most_scratch(const Epoch& epoch) {
    return std::max(epoch.full->scratch(), epoch.last != nullptr ? epoch.last->scratch() : 0);
  }

  static bool cancelled(const Poll& poll) { return poll && poll(); }

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

  void arrive(std::int64_t done) {
    cuda::runtime().synchronize();
    if (epoch_.progress != nullptr)
      std::atomic_ref<std::uint64_t>(*epoch_.progress)
          .store(static_cast<std::uint64_t>(done), std::memory_order_relaxed);
  }

  const Epoch& epoch_;
  std::int64_t rows_;
  DeviceMemory order_, hyper_, batch_, scratch_;
  Batch first_;
  Queue queue_;
};

}  // namespace

std::int64_t run_on_device(const Epoch& epoch, const Poll& poll) {
  if (epoch.batches == 0) return 0;
  return DeviceEpoch(epoch).run(poll);
}

}  // namespace densor
