#include "program/device_epoch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "cpu/gemm/precision.h"
#include "cuda/memory.h"
#include "program/launch_plan.h"
#include "program/persistent_kernel.h"
#include "program/put_back.h"
#include "program/steps_tuner.h"

namespace densor {

namespace {

// Bytes of `count` values, or of nothing.
template <class T>
std::size_t bytes_of(const T* values, std::int64_t count) {
  return values != nullptr ? sizeof(T) * static_cast<std::size_t>(count) : 0;
}

class Graph {
 public:
  explicit Graph(const std::function<void(void*)>& record) : graph_(cuda::runtime().capture(record)) {}
  ~Graph() { cuda::runtime().destroy(graph_); }
  Graph(const Graph&) = delete;

  void replay() const { cuda::runtime().replay(graph_); }

 private:
  void* graph_;
};

// What the device says of the batch at hand while it works on: a few answers may be on their way.
class Reports {
 public:
  explicit Reports(const void* batch) : batch_(batch) {}
  ~Reports() {
    for (void* report : asked_) cuda::runtime().drop(report);
  }
  Reports(const Reports&) = delete;

  void ask() { asked_.push_back(cuda::runtime().ask(batch_, sizeof(Batch))); }
  std::size_t waiting() const { return asked_.size(); }
  // The oldest answer; waits for it.
  Batch next() {
    void* report = asked_.front();
    asked_.pop_front();
    Batch now;
    cuda::runtime().answer(report, &now, sizeof now);
    return now;
  }

 private:
  const void* batch_;
  std::deque<void*> asked_;
};

// Launches between two looks: as many as take some milliseconds, so that the device always has work waiting
// and a cancel is heard of soon.
class Pace {
 public:
  explicit Pace(std::int64_t most) : most_(most) {}

  std::int64_t launches() const { return launches_; }
  void looked() {
    const auto now = Clock::now();
    if (now - last_ < kShort)
      launches_ = std::min(2 * launches_, most_);
    else if (now - last_ > kLong)
      launches_ = std::max<std::int64_t>(launches_ / 2, 1);
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kShort = std::chrono::milliseconds(5), kLong = std::chrono::milliseconds(30);
  std::int64_t most_, launches_ = 1;
  Clock::time_point last_ = Clock::now();
};

// Tells programs apart by what a device is asked to do.
std::string key_of(const cuda::Phases& phases, const Epoch& epoch) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : phases.to_string()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::ostringstream key;
  key << epoch.batch_size << " rows, " << phases.list().size() << " phases, " << phases.footprint()
      << " bytes, " << cpu::precision_name(cpu::matmul_precision()) << ", " << std::hex << hash;
  return key.str();
}

// Rows of the order that the epoch reads: the last batch may be shorter.
std::int64_t rows_read(const Epoch& epoch) {
  if (epoch.order == nullptr) return 0;
  if (epoch.rows > 0) return epoch.rows;
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
    if (epoch.rows > 0) {
      first_.capacity = epoch.batch_size;
      first_.left = epoch.rows;
      first_.size = std::min(epoch.rows, epoch.batch_size);
    }
    first_.hyper = epoch.hyper;
    first_.hyper_count = epoch.hyper_count;
    order_.fill(first_.rows, rows_);
    hyper_.fill(epoch.hyper, epoch.batches * epoch.hyper_count);
    begin();
    queue_ = {cuda::runtime().stream(), batch_.as<Batch>(), &first_, 0, scratch_.as<float>()};
  }

  std::int64_t run(const Poll& poll) {
    if (!epoch_.heard) return run_unheard();
    const bool has_last = epoch_.last != nullptr;
    const std::int64_t whole = epoch_.batches - (has_last ? 1 : 0);
    const LaunchPlan plan = plan_launches(whole, steps_of(*epoch_.full), batches_per_graph());
    prepare(*epoch_.full);
    if (has_last) prepare(*epoch_.last);
    // One batch may have fewer rows than the distance to the next.
    queue_.row_count = epoch_.rows > 0 ? epoch_.rows : whole > 1 ? whole * epoch_.batch_size : 0;
    std::int64_t done = run_phases(whole, poll);
    if (done < 0) {
      done = launch(plan.batches_per_graph, plan.graphs, poll, 0);
      if (done == plan.graphs * plan.batches_per_graph) done = launch(1, plan.singles, poll, done);
    }
    if (done < whole || !has_last || cancelled(poll)) return done;
    advance(whole * epoch_.batch_size);
    record(*epoch_.last);
    hear(read());
    return done + 1;
  }

  cuda::Phases phases_of_full() const {
    cuda::Phases phases;
    Queue queue = queue_;
    queue.phases = &phases;
    record(*epoch_.full, queue);
    return phases;
  }

 private:
  // Bounds how far the host runs ahead.
  static constexpr std::int64_t kBatchesPerLook = 64;
  static constexpr std::size_t kAnswersAwaited = 1;
  static constexpr std::int64_t kMostLaunches = 4;  // between two looks, of kBatchesPerLook batches each
  static constexpr double kMostMeasured = 20000;    // microseconds of a run that is measured

  static std::int64_t steps_of(const Program& program) {
    const Program::Repeat& repeat = program.repeat();
    const auto compute = static_cast<std::int64_t>(program.compute().size());
    const std::int64_t repeated = compute - static_cast<std::int64_t>(repeat.from);
    return compute + (repeat.count - 1) * repeated + static_cast<std::int64_t>(program.update().size()) + 1;
  }

  // As phases of one kernel; batches done, or -1 where that was not asked for or cannot be.
  std::int64_t run_phases(std::int64_t batches, const Poll& poll) {
    if (batches < 2 || device_steps() == DeviceSteps::graph || epoch_.full->repeats() > 1) return -1;
    const cuda::Phases phases = phases_of_full();
    if (!phases.complete()) return -1;
    const unsigned blocks = cuda::launchers().persistent_blocks(phases);
    if (blocks == 0) return -1;
    const auto timer = [&] { return times(phases, batches, PersistentKernel(queue_, phases, blocks)); };
    if (device_steps() == DeviceSteps::automatic &&
        tuned_steps(key_of(phases, epoch_), batches, timer) == DeviceSteps::graph)
      return -1;
    PersistentKernel kernel(queue_, phases, blocks);
    const std::int64_t launches = (batches + kBatchesPerLook - 1) / kBatchesPerLook;
    return in_steps(launches, kMostLaunches, poll, [&](std::int64_t i) {
      const std::int64_t count = std::min(kBatchesPerLook, batches - i * kBatchesPerLook);
      kernel.launch(count);
      return count;
    });
  }

  // What a batch takes either way: the first ones of the epoch, several times over. Nothing of it is left.
  // Where batches are long, few of them are run: nobody hears of a cancel meanwhile.
  StepTimes times(const cuda::Phases& phases, std::int64_t batches, PersistentKernel kernel) {
    const std::int64_t together =
        plan_launches(batches, steps_of(*epoch_.full), batches_per_graph()).batches_per_graph;
    const PutBack before(phases);
    const Graph graph([&](void* stream) { record(*epoch_.full, together, stream); });
    const auto spent = [&](std::int64_t count, const std::function<void()>& work) {
      return cuda::runtime().microseconds([&] {
        begin();
        work();
      }) / static_cast<double>(count);
    };
    const auto both = [&](std::int64_t graphs, std::int64_t at_once) {
      const double as_graphs = spent(graphs * together, [&] {
        for (std::int64_t i = 0; i < graphs; ++i) graph.replay();
      });
      return StepTimes{as_graphs, spent(at_once, [&] { kernel.launch(at_once); })};
    };
    const auto put_back = [&] {
      before.now();
      begin();
    };
    try {
      StepTimes found = both(1, 1);
      const auto most =
          static_cast<double>(std::max<std::int64_t>(std::min(kBatchesPerLook, batches) / together, 1));
      const double each = std::max({found.graph, found.persistent, 1e-3}) * static_cast<double>(together);
      const auto graphs = static_cast<std::int64_t>(std::min(most, kMostMeasured / each));
      // A kernel for one batch spends on its launch what it saves for many.
      if (graphs > 0) found = both(graphs, graphs * together);
      put_back();
      return found;
    } catch (...) {
      try {
        put_back();
      } catch (const Error&) {  // the first one counts
      }
      throw;
    }
  }

  // `launches` times `batches` batches, in a graph. Batches done in all, of which there were `done` before.
  std::int64_t launch(std::int64_t batches, std::int64_t launches, const Poll& poll, std::int64_t done) {
    std::optional<Graph> graph;
    // What runs once is launched as it is: to make a graph of it takes longer.
    if (launches > 1) graph.emplace([&](void* stream) { record(*epoch_.full, batches, stream); });
    return done +
           in_steps(launches, std::max<std::int64_t>(kBatchesPerLook / batches, 1), poll, [&](std::int64_t) {
             graph ? graph->replay() : record(*epoch_.full, batches, queue_.stream);
             return batches;
           });
  }

  // step(i), which says how many batches it was, so many times or until a cancel; batches done. Between two
  // looks there are at most `apart` steps. When it returns, the device has done them all.
  template <class Step>
  std::int64_t in_steps(std::int64_t steps, std::int64_t apart, const Poll& poll, Step step) {
    Reports reports(batch_.as<void>());
    Pace pace(apart);
    std::int64_t done = 0, since = 0;
    for (std::int64_t i = 0; i < steps; ++i) {
      if (since == 0 && cancelled(poll)) break;
      done += step(i);
      if (++since < pace.launches() && i + 1 < steps) continue;
      since = 0;
      reports.ask();
      if (reports.waiting() > kAnswersAwaited) hear(reports.next());
      pace.looked();
    }
    while (reports.waiting() > 0) hear(reports.next());
    return done;
  }

  void record(const Program& program, std::int64_t batches, void* stream) {
    Queue queue = queue_;
    queue.stream = stream;
    for (std::int64_t i = 0; i < batches; ++i) {
      record(program, queue);
      queue.row_count = 0;  // the first one has checked the rows of all
    }
  }
  void record(const Program& program) { record(program, 1, queue_.stream); }

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

  // Nothing of it is left on the stream that needs this object: memory is given back in the stream's order.
  std::int64_t run_unheard() {
    prepare(*epoch_.full);
    launch_steps(*epoch_.full, queue_);
    return epoch_.batches;
  }

  // The device stands before the first batch.
  void begin() const {
    Batch on_device = first_;
    on_device.rows = order_.as<const std::int64_t>();
    on_device.hyper = hyper_.as<const float>();
    batch_.fill(&on_device, 1);
  }

  static bool cancelled(const Poll& poll) { return poll && poll(); }

  // What may not happen while launches are captured.
  void prepare(const Program& program) const {
    for (const auto* steps : {&program.compute(), &program.update()})
      for (const Step& step : *steps)
        if (step.prepare) step.prepare(queue_);
  }

  void launch_steps(const Program& program, const Queue& queue) const {
    const Program::Repeat& repeat = program.repeat();
    for (std::int64_t r = 0; r < repeat.count; ++r) {
      if (r > 0) cuda::launchers().next_repeat(queue, batch_.as<Batch>());
      for (std::size_t i = r == 0 ? 0 : repeat.from; i < program.compute().size(); ++i)
        program.compute()[i].launch(queue);
    }
    for (const Step& step : program.update()) step.launch(queue);
  }
  void record(const Program& program, const Queue& queue) const {
    launch_steps(program, queue);
    cuda::launchers().next_batch(queue, batch_.as<Batch>(), epoch_.batch_size, program.repeats());
  }

  Batch read() const {
    Batch now;
    cuda::runtime().download(&now, batch_.as<void>(), sizeof now);
    return now;
  }

  // How far the device came. Throws what the CPU's refuse_nonfinite throws, where it refused a batch.
  void hear(const Batch& now) const {
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

std::string phases_of(const Program& program, std::int64_t rows) {
  Epoch epoch;
  epoch.full = &program;
  epoch.batches = 1;
  epoch.batch_size = rows;
  return DeviceEpoch(epoch).phases_of_full().to_string();
}

std::int64_t run_on_device(const Epoch& epoch, const Poll& poll) {
  if (epoch.batches == 0) return 0;
  static std::mutex alone;  // there is one stream
  const std::lock_guard<std::mutex> lock(alone);
  return DeviceEpoch(epoch).run(poll);
}

}  // namespace densor
