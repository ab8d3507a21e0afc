#include "bindings/array.h"
#include "bindings/list.h"
#include "bindings/scalar.h"
#include "core/error.h"
#include "core/name.h"
#include "core/parallel.h"
#include "cpu/amx/obstacle.h"
#include "cpu/dispatch.h"
#include "cpu/gemm/plan.h"
#include "cuda/advice.h"
#include "cuda/gemm/cublaslt.h"
#include "cuda/launch.h"
#include "ops/shared/device_gemm.h"
#include "program/launch_plan.h"
#include "program/measure.h"
#include "program/steps_tuner.h"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <functional>
#include <iterator>
#include <optional>
#include <tuple>

namespace densor::bindings {

namespace {

py::dict build_info() {
  py::dict info;
  info["version"] = DENSOR_VERSION;
  info["compiler"] = std::string(DENSOR_COMPILER);
  info["build_type"] = std::string(DENSOR_BUILD_TYPE);
  info["cuda"] = std::string(cuda::build_kind());
  return info;
}

void require_device(const py::object& object) {
  const std::string device = name("require_device", "device", object);
  if (device == "cpu" || device == "auto") return;
  if (device == "cuda" || device == "cuda:0") return cuda::require_device(0);
  const bool another = device.rfind("cuda:", 0) == 0;
  throw Error(
      ErrorKind::value, "require_device", "device",
      "value '" + device + "' is not a device; use 'cpu', 'cuda', 'cuda:0' or 'auto'" +
          (another ? "; the environment variable CUDA_VISIBLE_DEVICES says which GPU is the first" : ""));
}

std::string gemm_plan(const py::object& m, const py::object& n, const py::object& k, bool transpose_a,
                      bool transpose_b, const py::object& workers, bool rows_vary) {
  const auto size = [](const char* argument, const py::object& o, std::int64_t low, std::int64_t high) {
    return integer("gemm_plan", argument, o, low, high);
  };
  constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  const cpu::GemmProblem problem{size("m", m, 0, kLargest),
                                 size("n", n, 0, kLargest),
                                 size("k", k, 0, kLargest),
                                 transpose_a,
                                 transpose_b,
                                 cpu::matmul_precision(),
                                 rows_vary};
  const auto threads = static_cast<int>(size("workers", workers, 1, kMaxThreads));
  return to_string(cpu::plan_gemm(problem, cpu::active().gemm.shape, threads));
}

using GemmShape = std::tuple<std::int64_t, std::int64_t, std::int64_t, bool, bool>;

cuda::GemmProblem problem_of(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a,
                             bool transpose_b) {
  return {m, n, k, transpose_a, transpose_b};
}

const std::vector<std::string>& backend_names() {  // as in cuda::GemmBackend
  static const std::vector<std::string> names{"auto", "own", "cublaslt"};
  return names;
}

std::string device_gemm_plan(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a,
                             bool transpose_b, std::optional<int> architecture) {
  const cuda::GemmProblem problem = problem_of(m, n, k, transpose_a, transpose_b);
  const cpu::GemmPrecision precision = cpu::matmul_precision();
  if (!architecture) return to_string(ops::device_gemm(problem, precision), ops::device_architecture());
  return to_string(ops::estimated_gemm(problem, precision, *architecture), *architecture);
}

void set_device_gemm(const py::object& kernel, const py::object& cols, const py::object& parts) {
  constexpr const char* kFunction = "set_device_gemm";
  cuda::GemmChoice choice;
  choice.kernel = name(kFunction, "kernel", kernel);
  if (choice.kernel == "auto") choice.kernel.clear();
  if (!choice.kernel.empty())
    index_of_name(kFunction, "kernel", choice.kernel,
                  {std::begin(cuda::kGemmKernelNames), std::end(cuda::kGemmKernelNames)});
  choice.cols = static_cast<int>(integer(kFunction, "cols", cols, 0, 256));
  choice.parts = static_cast<int>(integer(kFunction, "parts", parts, 0, 1024));
  ops::gemm_settings().choice = choice;
}

// With "cublaslt": where it was found.
std::string set_matmul_backend(const py::object& value) {
  const std::string wanted = name("set_matmul_backend", "value", value);
  const auto backend =
      static_cast<cuda::GemmBackend>(index_of_name("set_matmul_backend", "value", wanted, backend_names()));
  const std::string where = backend == cuda::GemmBackend::cublaslt ? cuda::load_cublaslt() : "";
  ops::gemm_settings().backend = backend;
  return where;
}

// Asks a function of Python, which is never destroyed.
void set_cublaslt_finder(const py::object& finder) {
  static py::object* function = nullptr;
  function = new py::object(finder);
  cuda::set_cublaslt_paths([] {
    const py::gil_scoped_acquire gil;
    return (*function)().cast<std::vector<std::string>>();
  });
}

// A warning of Python's; where warnings are errors, an error.
void warn(const std::string& text) {
  const py::gil_scoped_acquire lock;
  if (PyErr_WarnEx(PyExc_RuntimeWarning, text.c_str(), 2) != 0) throw py::error_already_set();
}

// The plan that a tuner takes where plans take the times that `timer` says.
std::string tune_gemm(const std::string& path, const std::string& device, const GemmShape& shape,
                      const std::string& setting, int architecture,
                      const std::function<double(const std::string&)>& timer) {
  cuda::GemmTuner tuner(path, device, warn);
  const auto plans =
      cuda::gemm_candidates(std::apply(problem_of, shape), ops::device_precision(cpu::matmul_precision()),
                            architecture, ops::gemm_settings().backend);
  const auto time = [&](const cuda::GemmPlan& plan) {
    const double spent = timer(to_string(plan, architecture));
    if (spent < 0) throw Error(ErrorKind::device_memory, "tune_gemm", "timer", "no room");
    return spent;
  };
  return to_string(tuner.choose(plans, setting, architecture, time), architecture);
}

// The way that a tuner with this file takes for a program of this name, and why.
std::pair<std::string, std::string> tune_steps(const std::string& path, const std::string& device,
                                               const std::string& key, std::int64_t batches,
                                               const std::function<std::pair<double, double>()>& timer) {
  StepsTuner tuner(path, device, warn);
  const auto time = [&] {
    const auto [graph, persistent] = timer();
    if (graph < 0) throw Error(ErrorKind::device_memory, "tune_steps", "timer", "no room");
    return StepTimes{graph, persistent};
  };
  std::string why;
  const DeviceSteps chosen = tuner.choose(key, batches, time, why);
  return {device_steps_name(chosen), why};
}

void emulate_device(const py::object& order, const py::object& host_memory, const py::object& memory,
                    const py::object& launches, int architecture, const py::object& elsewhere,
                    const py::object& capturing, std::pair<double, double> clock) {
  cuda::Emulation emulation;
  emulation.host_memory = flag("emulate_device", "host_memory", host_memory);
  emulation.order = name("emulate_device", "order", order);
  if (!memory.is_none()) emulation.memory = integer("emulate_device", "memory", memory, 0);
  if (!launches.is_none()) emulation.launches = integer("emulate_device", "launches", launches, 0);
  emulation.architecture = architecture;
  if (!elsewhere.is_none()) emulation.elsewhere = integer("emulate_device", "elsewhere", elsewhere, 0);
  std::tie(emulation.per_launch, emulation.per_meeting) = clock;
  if (!capturing.is_none()) emulation.capturing = integer("emulate_device", "capturing", capturing, 0);
  cuda::emulate(emulation);
}

// A wait for a stream, or of one, as a pair with the stream.
py::list emulated_order() {
  constexpr const char* kNames[] = {"launch", "follow", "let wait", "everyone", "host"};  // of Event::Kind
  py::list order;
  for (const auto& [kind, stream] : cuda::emulated_order()) {
    const char* name = kNames[static_cast<int>(kind)];
    if (kind == cuda::Event::Kind::follow || kind == cuda::Event::Kind::let_wait)
      order.append(py::make_tuple(name, stream));
    else
      order.append(name);
  }
  return order;
}

double bandwidth(const py::object& bytes) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 32;
  return measure_bandwidth(integer("measure_bandwidth", "bytes", bytes, 1, kLargest), num_threads());
}

double passes(const py::object& bytes, const std::vector<std::pair<int, bool>>& passes) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 32;
  std::vector<Pass> plain;
  for (const auto& [reads, writes] : passes) {
    integer("measure_passes", "reads", py::int_(reads), 1, 4);
    plain.push_back({reads, writes});
  }
  return measure_passes(integer("measure_passes", "bytes", bytes, 1, kLargest), plain, num_threads());
}

// Matrix products on a GPU.
void bind_device_products(py::module_& m) {
  m.def("device_gemm_plan", &device_gemm_plan, py::arg("m"), py::arg("n"), py::arg("k"),
        py::arg("transpose_a") = false, py::arg("transpose_b") = false, py::arg("architecture") = 90,
        "How a GPU of this architecture, or with None the one in use, multiplies (m, k) by (k, n) in "
        "training at the "
        "precision in use.");
  m.def("set_device_gemm", &set_device_gemm, py::arg("kernel"), py::arg("cols") = 0, py::arg("parts") = 0,
        "For tests and measurements: products on a GPU in steps made from now on are computed by 'simt', "
        "'mma', "
        "'wgmma' or 'cublaslt', with tiles of so many columns and k in so many parts, where such a plan "
        "exists; "
        "'auto' and 0 leave the choice to the plan.");
  m.def(
      "set_matmul_backend", &set_matmul_backend, py::arg("value"),
      "Products on a GPU in steps made from now on are those of 'cublaslt', our 'own', or with 'auto' those "
      "that are measured to be faster. Says where the library was found that was asked for.");
  m.def("set_cublaslt_finder", &set_cublaslt_finder, py::arg("finder"),
        "What to ask for the paths of cuBLASLt, the best first.");
  m.def("set_autotune", &cuda::set_autotune, py::arg("value"),
        "Whether plans of products on a GPU that are made from now on are measured.");
  m.def("autotune", &cuda::autotune, "Whether they are.");
  cuda::set_tuner_warning(warn);
  m.def(
      "tune_gemm", &tune_gemm, py::arg("path"), py::arg("device"), py::arg("shape"), py::arg("setting"),
      py::arg("architecture"), py::arg("timer"),
      "For tests: the plan of a shape (m, n, k, transpose_a, transpose_b) that a tuner with this file takes "
      "where a plan lasts as long as `timer` says; a negative time: there is no memory to measure it.");
  m.def("device_reads_halves", &ops::device_reads_halves,
        "Whether dense_forward and dense_backward take bfloat16 arrays on the GPU in use.");
  m.def(
      "matmul_backend",
      [] { return backend_names()[static_cast<std::size_t>(ops::gemm_settings().backend)]; },
      "Whose products a GPU computes.");
}

void bind_device_steps(py::module_& m) {
  m.def(
      "launch_plan",
      [](const py::object& batches, const py::object& steps, const py::object& rest,
         const py::object& masked) {
        constexpr std::int64_t kMost = std::int64_t{1} << 40;
        const ShortBatch last{integer("launch_plan", "rest", rest, 0, kMost),
                              flag("launch_plan", "masked", masked)};
        const std::int64_t more = last.rows > 0 && last.masked ? 1 : 0;
        return to_string(plan_launches(integer("launch_plan", "batches", batches, 0, kMost) + more,
                                       integer("launch_plan", "steps", steps, 1, kMost), batches_per_graph()),
                         last);
      },
      py::arg("batches"), py::arg("steps"), py::arg("rest") = 0, py::arg("masked") = false,
      "How a GPU is handed so many batches of so many steps, and a last one of `rest` rows, `masked` where "
      "the same program computes it.");
  m.def(
      "set_batches_per_graph",
      [](const py::object& batches) {
        set_batches_per_graph(integer("set_batches_per_graph", "batches", batches, 0, 1 << 16));
      },
      py::arg("batches"), "Batches in a graph of later runs on a GPU; 0: as planned.");
  m.def(
      "set_device_steps",
      [](const py::object& value) { set_device_steps(name("set_device_steps", "value", value)); },
      py::arg("value"), "Later runs on a GPU are 'graph', 'persistent' or 'auto'.");
  m.def(
      "tune_steps", &tune_steps, py::arg("path"), py::arg("device"), py::arg("key"), py::arg("batches"),
      py::arg("timer"),
      "For tests: 'graph' or 'persistent', as a tuner with this file takes it where `timer` says how long a "
      "batch takes both ways, and why; a negative time: there is no memory to measure it.");
  m.def("chosen_steps", &chosen_steps, py::call_guard<py::gil_scoped_release>(),
        "What 'auto' has chosen for each program of this process, a line each.");
  m.def("device_steps", [] { return device_steps_name(device_steps()); }, "How a GPU runs many batches.");
}

// What else concerns a GPU.
void bind_device(py::module_& m) {
  m.def(
      "emulate_device", &emulate_device, py::arg("order"), py::arg("host_memory") = true, py::kw_only(),
      py::arg("memory") = py::none(), py::arg("launches") = py::none(), py::arg("architecture") = 80,
      py::arg("elsewhere") = py::none(), py::arg("capturing") = py::none(),
      py::arg("clock") = std::pair{0.0, 0.0},
      "In the build for tests, whose CUDA kernels run on the processor: the threads of a block run in "
      "'ascending' or 'descending' order, and NumPy arrays count as device memory if asked to; 'off' ends "
      "that. The device has so many bytes, and after so many launches its context is lost; plans "
      "take it for a GPU of this architecture. What begins `elsewhere`, at this address, counts as memory of "
      "a second device, and the stream `capturing` as one that is being captured in a graph. `clock`: "
      "microseconds that a launch, and a meeting of a kernel's blocks, take; (0, 0): what they do take.");
  m.def("emulated_order", &emulated_order,
        "What the emulated device and the host did since the last call, in order: 'launch', ('follow', "
        "stream), ('let wait', stream), 'everyone' and 'host', which are waits of the host.");
  m.def(
      "emulated_traffic",
      [] {
        const cuda::Traffic traffic = cuda::emulated_traffic();
        py::dict found;
        found["uploads"] = traffic.uploads;
        found["uploaded_bytes"] = traffic.uploaded_bytes;
        found["downloads"] = traffic.downloads;
        found["reports"] = traffic.reports;
        found["captures"] = traffic.captures;
        found["replays"] = traffic.replays;
        found["kernels"] = traffic.kernels;
        return found;
      },
      "What the emulated device was asked to do, since the last call: copies, graphs, kernels.");
  m.def(
      "device_of",
      [](const py::object& array) {
        return view_of("device_of", "array", array).device == Device::cuda ? "cuda" : "cpu";
      },
      py::arg("array"), "Where an array lies, and so the steps made from it run.");
  m.def("require_device", &require_device, py::arg("device"),
        "Raises DeviceError if the device cannot be used.");
  m.def(
      "missing_for_device",
      [](int driver, int needed, int devices, int architecture, int code) {
        return cuda::missing({driver, needed, devices, architecture, code});
      },
      py::kw_only(), py::arg("driver"), py::arg("needed") = 13000, py::arg("devices") = 1,
      py::arg("architecture") = 90, py::arg("code") = 0,
      "For tests: what such a machine lacks, in words; empty: nothing.");
  m.def("device_advice", &cuda::advice, py::arg("status"), py::arg("forked"),
        "For tests: what helps against a status of the CUDA run time, in words.");
  m.def("device_is_lost", &cuda::poisons, py::arg("status"), py::arg("next"),
        "For tests: whether a status says that the context is lost, where the next call has that one.");
  m.def("device_memory_text", &cuda::memory_text, py::arg("wanted"), py::arg("free"), py::arg("total"),
        "For tests: the words for an allocation that failed.");
}

}  // namespace

void bind_config(py::module_& m) {
  m.def("cpu_target", [] { return std::string(cpu::active().name); }, "Name of the CPU target in use.");
  m.def("cpu_targets", &cpu::available, "CPU targets that run here, best first.");
  m.def(
      "set_cpu_target",
      [](const py::object& target) { cpu::set_active(name("set_cpu_target", "name", target)); },
      py::arg("name"), "Steps made from now on use this target.");
  m.def("num_threads", &num_threads, "Threads that a run may use.");
  m.def(
      "set_num_threads",
      [](const py::object& count) {
        set_num_threads(static_cast<int>(integer("set_num_threads", "count", count, 1, INT32_MAX)));
      },
      py::arg("count"), "Threads that later runs may use.");
  m.def("times_crowded", &times_crowded,
        "How often runs went on with fewer workers, because other programs had taken CPUs from them.");
  m.def("gemm_plan", &gemm_plan, py::arg("m"), py::arg("n"), py::arg("k"), py::arg("transpose_a") = false,
        py::arg("transpose_b") = false, py::arg("workers") = 1, py::arg("rows_vary") = false,
        "How the target in use multiplies (m, k) by (k, n): tile, blocks, packing, split, products.");
  m.def(
      "matmul_precision", [] { return std::string(cpu::precision_name(cpu::matmul_precision())); },
      "How exactly matrix products are computed.");
  m.def(
      "set_matmul_precision",
      [](const py::object& value) {
        cpu::set_matmul_precision(name("set_matmul_precision", "value", value));
      },
      py::arg("value"),
      "Steps made from now on use 'highest', 'high', 'medium', 'ieee' or 'tf32'; or 'x6', six products "
      "always.");
  m.def("matrix_units", &cpu::matrix_units, "What became of this machine's matrix units.");
  m.def("amx_obstacle", &cpu::amx_obstacle, py::arg("cpu_has_it"), py::arg("system_saves_it"),
        py::arg("has_vectors"),
        "Why AMX is not used on such a machine, under this operating system: for tests.");
  m.def(
      "measure_matrix_peak", [] { return measure_matrix_peak(num_threads()); },
      "GFLOP/s of the matrix units with all threads, operands in registers; 0 on targets without.");
  m.def(
      "measure_fma_peak", [] { return measure_fma_peak(num_threads()); },
      "GFLOP/s of the target's multiply-adds with all threads, operands in registers.");
  m.def("measure_bandwidth", &bandwidth, py::arg("bytes"),
        "GB/s, reads and writes counted, of all threads scaling this many bytes in place.");
  m.def(
      "measure_passes", &passes, py::arg("bytes"), py::arg("passes"),
      "Seconds of all threads for plain passes over arrays of this many bytes; a pass is how many of them it "
      "reads, one to four, and whether it writes another one.");
  m.def("build_info", &build_info, "How this extension was built.");
  bind_device_products(m);
  bind_device_steps(m);
  bind_device(m);
}

}  // namespace densor::bindings
