// Feed, Step, Program and the call that runs epochs.
#include "program/program.h"
#include "program/device_epoch.h"

#include <pybind11/stl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "bindings/caller_stream.h"
#include "bindings/feed.h"
#include "bindings/interpreter.h"
#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "core/error.h"
#include "cpu/gemm/precision.h"

namespace densor::bindings {

namespace {

struct BoundProgram {
  std::unique_ptr<Program> program;
  py::list keep;
};

// Looks for Python signals (Ctrl-C) while the GIL is released and carries what their handlers raise.
class Signals {
 public:
  Poll poll() {
    return [this] {
      // Python runs signal handlers in the main thread; others have no reason to ask for the GIL.
      if (syscall(SYS_gettid) != getpid()) return false;
      const py::gil_scoped_acquire gil;
      if (PyErr_CheckSignals() == 0) return false;
      raised_ = std::make_unique<py::error_already_set>();
      return true;
    };
  }
  void rethrow() {
    if (raised_) throw py::error_already_set(std::move(*raised_));
  }

 private:
  std::unique_ptr<py::error_already_set> raised_;
};

// An array that the host reads: the run itself brings it to a device.
View host_view(const char* function, const char* argument, const py::object& object) {
  if (!object.is_none() && !py::isinstance<py::array>(object))
    throw Error(ErrorKind::type, function, argument,
                std::string("expected a NumPy array, got ") + Py_TYPE(object.ptr())->tp_name);
  return view_of(function, argument, object);
}

// Checks `hyper` (float32, (rows, k)) and `order` (int64, (n,)) of a call and reads them into `epoch`.
void read_hyper(Epoch& epoch, const char* function, const py::object& hyper) {
  const View view = host_view(function, "hyper", hyper);
  if (!view) return;
  if (view.dtype != DType::f32 || view.ndim != 2 || view.rows() < epoch.batches || !view.contiguous())
    throw Error(ErrorKind::value, function, "hyper",
                "expected C-contiguous float32 of shape (" + std::to_string(epoch.batches) + ", k), got " +
                    dtype_name(view.dtype) + " " + shape_text(view));
  epoch.hyper = view.f32();
  epoch.hyper_count = view.cols();
}

// Rows in all where the last batch has fewer than the others, which its program must be able to leave out.
void read_rows(Epoch& epoch, std::int64_t rows) {
  if (rows == 0) return;
  const std::int64_t most = epoch.batches * epoch.batch_size;
  if (rows > most || rows <= most - epoch.batch_size)
    throw Error(ErrorKind::value, "run", "rows",
                "value " + std::to_string(rows) + " is not that of " + std::to_string(epoch.batches) +
                    " batches of " + std::to_string(epoch.batch_size) + ", the last of which may be shorter");
  if (epoch.last != nullptr || !epoch.full->masks_rows() || epoch.full->device() != Device::cuda)
    throw Error(ErrorKind::value, "run", "rows",
                "the program takes whole batches only; give a program for the last one");
  epoch.rows = rows;
}

void read_order(Epoch& epoch, const char* function, const char* argument, const py::object& order) {
  const View view = host_view(function, argument, order);
  if (!view) return;
  if (view.dtype != DType::i64 || view.ndim != 1 || !view.contiguous())
    throw Error(ErrorKind::value, function, argument,
                std::string("expected C-contiguous int64 of shape (n,), got ") + dtype_name(view.dtype) +
                    " " + shape_text(view));
  const std::int64_t needed = epoch.rows > 0 ? epoch.rows - 1 : (epoch.batches - 1) * epoch.batch_size;
  if (epoch.batches > 0 && (epoch.start < 0 || view.size() - epoch.start <= needed))
    throw Error(ErrorKind::value, function, argument,
                "has " + std::to_string(view.size()) + " entries, too few for " +
                    std::to_string(epoch.batches) + " batches of " + std::to_string(epoch.batch_size) +
                    " from " + std::to_string(epoch.start));
  epoch.order = view.as<std::int64_t>();
  epoch.order_count = view.size();
}

// Nanoseconds of work during which other Python threads are not let in: handing over the GIL takes as long.
constexpr double kBrief = 30000;

bool is_brief(const Epoch& epoch) {
  return epoch.full->device() == Device::cpu &&
         epoch.full->work() * static_cast<double>(epoch.batches) < kBrief;
}

std::int64_t run_released(const Epoch& epoch) {
  if (is_brief(epoch)) return run_epoch(epoch, num_threads(), {});
  Signals signals;
  std::int64_t done = 0;
  {
    const int threads = num_threads();
    const GilReleased released;
    done = run_epoch(epoch, threads, signals.poll());
  }
  signals.rethrow();
  return done;
}

std::int64_t run(const BoundProgram& full, const BoundProgram* last, std::int64_t batches,
                 std::int64_t batch_size, const py::object& order, std::int64_t start,
                 const py::object& hyper, std::uint64_t step, const py::object& progress, std::int64_t rows) {
  if (batches < 0)
    throw Error(ErrorKind::value, "run", "batches", "value " + std::to_string(batches) + " is negative");
  Epoch epoch;
  epoch.full = full.program.get();
  epoch.last = last != nullptr ? last->program.get() : nullptr;
  epoch.batches = batches;
  epoch.batch_size = batch_size;
  epoch.start = start;
  epoch.step = step;
  read_rows(epoch, rows);
  read_order(epoch, "run", "order", order);
  read_hyper(epoch, "run", hyper);
  if (const View view = host_view("run", "progress", progress)) {
    if (view.dtype != DType::u64 || view.size() != 1 || !view.writable)
      throw Error(ErrorKind::value, "run", "progress", "expected a writable uint64 array of shape (1,)");
    epoch.progress = view.as<std::uint64_t>();
  }
  return run_released(epoch);
}

// Arrays in feeds for as long as it lives.
class Lent {
 public:
  Lent(const py::tuple& feeds, const py::tuple& arrays) : feeds_(feeds) {
    if (feeds.size() != arrays.size())
      throw Error(
          ErrorKind::value, "run_batch", "arrays",
          "expected " + std::to_string(feeds.size()) + " arrays, got " + std::to_string(arrays.size()));
    try {
      for (; bound_ < feeds.size(); ++bound_) feed(bound_).bind(arrays[bound_]);
    } catch (...) {
      clear();
      throw;
    }
  }
  Lent(const Lent&) = delete;
  ~Lent() { clear(); }

 private:
  BoundFeed& feed(std::size_t i) const { return feeds_[i].cast<BoundFeed&>(); }
  void clear() {
    for (std::size_t i = 0; i < bound_; ++i) feed(i).clear();
  }

  const py::tuple& feeds_;
  std::size_t bound_ = 0;
};

// The shortest way through one batch: what a prediction for a few rows takes, in one call.
void run_batch(const BoundProgram& bound, std::int64_t rows, std::uint64_t step, const py::tuple& feeds,
               const py::tuple& arrays) {
  const Lent lent(feeds, arrays);
  Epoch epoch;
  epoch.full = bound.program.get();
  epoch.batches = 1;
  epoch.batch_size = rows;
  epoch.step = step;
  run_released(epoch);
}

// The same for one array after another of a fixed shape, where the program is brief, so that nobody else
// comes in between, and as long as the precision is that of now.
class BatchCall {
 public:
  BatchCall(const py::object& program, const py::object& feed, std::vector<py::ssize_t> shape)
      : program_(program), feed_(feed), shape_(std::move(shape)), precision_(cpu::matmul_precision()) {
    feed.cast<const BoundFeed&>();  // or throws
    epoch_.full = program.cast<const BoundProgram&>().program.get();
    epoch_.batches = 1;
    epoch_.batch_size = shape_.empty() ? 0 : shape_.front();
  }

  // Returns false, and has done nothing, where `x` is not such an array.
  bool operator()(const py::object& x, std::uint64_t step) {
    if (!is_brief(epoch_) || precision_ != cpu::matmul_precision() || !fits(x)) return false;
    BoundFeed& feed = feed_.cast<BoundFeed&>();
    feed.bind(x);
    epoch_.step = step;
    struct Clear {
      BoundFeed& feed;
      ~Clear() { feed.clear(); }
    } clear{feed};
    run_released(epoch_);
    return true;
  }

 private:
  // Exactly an array, C-contiguous, aligned, native float32.
  bool fits(const py::object& x) const {
    const auto& api = py::detail::npy_api::get();
    if (Py_TYPE(x.ptr()) != api.PyArray_Type_) return false;
    const auto* array = py::detail::array_proxy(x.ptr());
    constexpr int kNeeded =
        py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    return array->descr == float32_.ptr() && (array->flags & kNeeded) == kNeeded &&
           array->nd == static_cast<int>(shape_.size()) &&
           std::equal(shape_.begin(), shape_.end(), array->dimensions);
  }

  py::object program_, feed_;
  std::vector<py::ssize_t> shape_;
  cpu::GemmPrecision precision_;
  py::dtype float32_ = py::dtype::of<float>();
  Epoch epoch_;
};

void run_step(const BoundStep& bound, std::uint64_t step, const py::object& hyper, const py::object& rows,
              std::int64_t start) {
  const Program program({}, {bound.step});
  Epoch epoch;
  epoch.full = &program;
  epoch.batches = 1;
  epoch.start = start;
  epoch.step = step;
  read_order(epoch, "run", "rows", rows);
  read_hyper(epoch, "run", hyper);
  epoch.heard = program.device() == Device::cpu || bound.step.refuses;
  run_released(epoch);
  if (!epoch.heard) let_callers_follow(bound.keep);
}

std::unique_ptr<BoundProgram> make_program(const py::list& compute, const py::list& update,
                                           const py::object& repeat_from, const py::object& repeats,
                                           const py::object& unfenced, const py::object& masks_rows,
                                           const py::list& begin) {
  Program::Repeat repeat;
  repeat.from = static_cast<std::size_t>(
      integer("Program", "repeat_from", repeat_from, 0, static_cast<std::int64_t>(compute.size())));
  repeat.count = integer("Program", "repeats", repeats, 1);
  const auto steps_of = [](const py::list& list) {
    std::vector<Step> steps;
    for (const auto& item : list) steps.push_back(item.cast<const BoundStep&>().step);
    return steps;
  };
  auto bound = std::make_unique<BoundProgram>();
  bound->program =
      std::make_unique<Program>(steps_of(compute), steps_of(update), repeat,
                                static_cast<int>(integer("Program", "unfenced", unfenced, 0, 1000)),
                                flag("Program", "masks_rows", masks_rows), steps_of(begin));
  bound->keep.append(begin);
  bound->keep.append(compute);
  bound->keep.append(update);
  return bound;
}

std::vector<std::string> names(const BoundProgram& bound) {
  std::vector<std::string> result;
  for (const auto* steps : {&bound.program->begin(), &bound.program->compute(), &bound.program->update()})
    for (const Step& step : *steps) result.push_back(step.name);
  return result;
}

std::vector<bool> fences(const BoundProgram& bound) {
  std::vector<bool> result = bound.program->compute_fences();
  const std::vector<bool>& update = bound.program->update_fences();
  result.insert(result.end(), update.begin(), update.end());
  return result;
}

}  // namespace

void bind_program(py::module_& m) {
  py::class_<BoundFeed>(m, "Feed", "A slot for an array that changes between runs.")
      .def(py::init<bool>(), py::arg("writable") = false)
      .def("bind", &BoundFeed::bind, py::arg("array"),
           "Puts an array (rows, ...) into the slot; its rows are contiguous.")
      .def("clear", &BoundFeed::clear, "Lets go of the array.");
  py::class_<BoundStep>(m, "Step", "One op bound to its buffers.")
      .def_property_readonly("name", [](const BoundStep& s) { return s.step.name; })
      .def_property_readonly(
          "device", [](const BoundStep& s) { return s.step.launch ? "cuda" : "cpu"; }, "Where it runs.")
      .def(
          "run", &run_step, py::kw_only(), py::arg("step") = 0, py::arg("hyper") = py::none(),
          py::arg("rows") = py::none(), py::arg("start") = 0,
          "Runs the op once. On a GPU the host goes on at once; whoever has the arrays follows on the stream "
          "that is current there.");
  py::class_<BoundProgram>(m, "Program", "The steps of one batch, in order.")
      .def(py::init(&make_program), py::arg("compute"), py::arg("update"), py::arg("repeat_from") = 0,
           py::arg("repeats") = 1, py::arg("unfenced") = Program::kUnfenced, py::arg("masks_rows") = true,
           py::arg("begin") = py::list())
      .def("names", &names, "Names of the steps.")
      .def("fences", &fences, "Whether a barrier follows each step.")
      .def_property_readonly(
          "masks_rows", [](const BoundProgram& bound) { return bound.program->masks_rows(); },
          "Whether it computes a batch of fewer rows, too: on a GPU, where every step leaves the others out.")
      .def(
          "phases",
          [](const BoundProgram& bound, const py::object& rows) {
            if (bound.program->device() != Device::cuda)
              throw Error(ErrorKind::value, "phases", "self", "the program runs on the cpu");
            return phases_of(*bound.program, integer("phases", "rows", rows, 0));
          },
          py::arg("rows"),
          "A batch on a GPU as phases of one kernel, a line each; | where all blocks meet before it.")
      .def("run_batch", &run_batch, py::arg("rows"), py::arg("step"), py::arg("feeds"), py::arg("arrays"),
           "Runs one batch of `rows` rows; the arrays lie in these feeds while it runs.")
      .def_property_readonly_static(
          "unfenced", [](const py::object&) { return Program::kUnfenced; },
          "Most steps that follow one another without a barrier, by default: memory that step i was the last "
          "to use may "
          "be "
          "handed to step i + unfenced + 1.");
  py::class_<BatchCall>(m, "BatchCall")
      .def(py::init<const py::object&, const py::object&, std::vector<py::ssize_t>>(), py::arg("program"),
           py::arg("feed"), py::arg("shape"))
      .def("__call__", &BatchCall::operator(), py::arg("x"), py::arg("step"),
           "Runs one batch for `x`, if that is a C-contiguous float32 array of this shape and the program is "
           "brief; false otherwise.");
  m.def("run", &run, py::arg("full"), py::arg("last"), py::kw_only(), py::arg("batches"),
        py::arg("batch_size"), py::arg("order") = py::none(), py::arg("start") = 0,
        py::arg("hyper") = py::none(), py::arg("step") = 0, py::arg("progress") = py::none(),
        py::arg("rows") = 0,
        "Runs batches with the GIL released and returns how many were done; raises what a signal handler "
        "raised. `rows`: of all batches, where `full` computes the last one, too, though it has fewer.");
}

}  // namespace densor::bindings
