#include "cuda/gemm/cublaslt.h"

#include <dlfcn.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <type_traits>

#include "core/error.h"
#include "core/interpreter.h"
#include "cuda/gemm/cublaslt_api.h"
#include "cuda/launch.h"

namespace densor::cuda {

namespace {

using namespace cublaslt;

constexpr const char* kNames[] = {"libcublasLt.so.13", "libcublasLt.so.12"};
constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // what the library asks for on Hopper

// The library, what it works with, and where it came from.
class Library {
 public:
  explicit Library(const std::vector<std::string>& paths) {
    find(paths);
    bind();
    workspace_ = runtime().allocate(kWorkspace);
    try {
      runtime().enqueue([this] { check(api_.cublasLtCreate(&handle_), "cublasLtCreate"); });
    } catch (...) {
      runtime().release(workspace_);
      throw;
    }
  }

  std::string description() const {
    return origin_ + ", version " + std::to_string(api_.cublasLtGetVersion());
  }

  const Api& api() const { return api_; }
  Handle handle() const { return handle_; }
  void* workspace() const { return workspace_; }

  void check(Status status, const char* entry) const {
    if (status == kSuccess) return;
    throw Error(ErrorKind::device, entry, "",
                std::string("cuBLASLt: ") + api_.cublasLtGetStatusString(status) + " (" +
                    std::to_string(status) + ")");
  }

 private:
  void find(const std::vector<std::string>& paths) {
    std::string tried;
    const auto open = [&](const std::string& path, int flags, const char* how) {
      library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | flags);
      if (library_ != nullptr) {
        origin_ = path + how;
      } else if (flags == 0) {
        const char* why = dlerror();
        tried += std::string("\n  ") + (why != nullptr ? why : path.c_str());
      }
      return library_ != nullptr;
    };
    for (const char* name : kNames)
      if (open(name, RTLD_NOLOAD, " (already loaded)")) return;
    for (const std::string& path : paths)
      if (open(path, 0, "")) return;
    for (const char* name : kNames)
      if (open(name, 0, "")) return;
    throw Error(ErrorKind::device, "load_cublaslt", "",
                "cuBLASLt is not there: install the package nvidia-cublas, or leave the products to densor's "
                "own kernels. Looked for:" +
                    tried);
  }

  void bind() {
    const auto entry = [this](auto& pointer, const char* name) {
      pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(dlsym(library_, name));
      if (pointer == nullptr)
        throw Error(ErrorKind::device, "load_cublaslt", "", origin_ + " has no entry point " + name);
    };
#define DENSOR_ENTRY(name) entry(api_.name, #name)
    DENSOR_ENTRY(cublasLtGetVersion);
    DENSOR_ENTRY(cublasLtGetStatusString);
    DENSOR_ENTRY(cublasLtCreate);
    DENSOR_ENTRY(cublasLtMatmulDescCreate);
    DENSOR_ENTRY(cublasLtMatmulDescDestroy);
    DENSOR_ENTRY(cublasLtMatmulDescSetAttribute);
    DENSOR_ENTRY(cublasLtMatrixLayoutCreate);
    DENSOR_ENTRY(cublasLtMatrixLayoutDestroy);
    DENSOR_ENTRY(cublasLtMatmulPreferenceCreate);
    DENSOR_ENTRY(cublasLtMatmulPreferenceDestroy);
    DENSOR_ENTRY(cublasLtMatmulPreferenceSetAttribute);
    DENSOR_ENTRY(cublasLtMatmulAlgoGetHeuristic);
    DENSOR_ENTRY(cublasLtMatmul);
#undef DENSOR_ENTRY
  }

  void* library_ = nullptr;  // stays loaded: graphs that were recorded with it may run at any time
  std::string origin_;
  Api api_{};
  Handle handle_ = nullptr;
  void* workspace_ = nullptr;  // as long as the library
};

std::mutex g_loading;
const Library* g_library = nullptr;  // never unloaded
std::atomic<bool> g_absent = false;  // as found when it was looked for
CublasltPaths g_paths = [] { return std::vector<std::string>{}; };

// An object of the library for as long as a call needs it.
class Object {
 public:
  Object(void* object, Status (*destroy)(void*)) : object_(object), destroy_(destroy) {}
  Object(const Object&) = delete;
  ~Object() { destroy_(object_); }
  operator void*() const { return object_; }

 private:
  void* object_;
  Status (*destroy_)(void*);
};

// What an address may be told to be a multiple of; the library presumes 256 where nobody says.
std::uint32_t alignment(const void* memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory) | 256;
  return static_cast<std::uint32_t>(address & -address);
}

// One product, whose sums are float32. The library knows columns first: a row-major c = a b is to it
// c^T = b^T a^T.
class Product {
 public:
  Product(const Library& library, const GemmProblem& p, bool halves, bool fast)
      : library_(library),
        desc_(make_desc(fast), library.api().cublasLtMatmulDescDestroy),
        b_(make_layout(halves, p.transpose_b ? p.k : p.n, p.transpose_b ? p.n : p.k), destroy_layout()),
        a_(make_layout(halves, p.transpose_a ? p.m : p.k, p.transpose_a ? p.k : p.m), destroy_layout()),
        c_(make_layout(false, p.n, p.m), destroy_layout()) {
    set(kDescTransposeA, p.transpose_b ? kTransposed : kNotTransposed);
    set(kDescTransposeB, p.transpose_a ? kTransposed : kNotTransposed);
  }

  void launch(float* sums, const GemmOperands& operands, const Heuristic& found, void* stream) const {
    const float one = 1.0f, zero = 0.0f;
    library_.check(library_.api().cublasLtMatmul(library_.handle(), desc_, &one, operands.b, b_, operands.a,
                                                 a_, &zero, sums, c_, sums, c_, &found.algorithm,
                                                 library_.workspace(), found.workspace, stream),
                   "cublasLtMatmul");
  }

  bool choose(const float* sums, const GemmOperands& operands, Heuristic& found) const {
    Preference made = nullptr;
    library_.check(library_.api().cublasLtMatmulPreferenceCreate(&made), "cublasLtMatmulPreferenceCreate");
    const Object preference(made, library_.api().cublasLtMatmulPreferenceDestroy);
    prefer(preference, kPreferenceMaxWorkspace, kWorkspace);
    prefer(preference, kPreferenceAlignmentA, alignment(operands.b));
    prefer(preference, kPreferenceAlignmentB, alignment(operands.a));
    prefer(preference, kPreferenceAlignmentC, alignment(sums));
    prefer(preference, kPreferenceAlignmentD, alignment(sums));
    int count = 0;
    const Status status = library_.api().cublasLtMatmulAlgoGetHeuristic(library_.handle(), desc_, b_, a_, c_,
                                                                        c_, preference, 1, &found, &count);
    if (status == kNotSupported) return false;
    library_.check(status, "cublasLtMatmulAlgoGetHeuristic");
    return count > 0 && found.state == kSuccess;
  }

 private:
  Status (*destroy_layout() const)(void*) { return library_.api().cublasLtMatrixLayoutDestroy; }

  Desc make_desc(bool fast) const {
    Desc desc = nullptr;
    library_.check(
        library_.api().cublasLtMatmulDescCreate(&desc, fast ? kCompute32FFast16BF : kCompute32F, kFloat32),
        "cublasLtMatmulDescCreate");
    return desc;
  }
  // `rows` lie side by side.
  Layout make_layout(bool halves, std::int64_t rows, std::int64_t cols) const {
    Layout layout = nullptr;
    library_.check(library_.api().cublasLtMatrixLayoutCreate(&layout, halves ? kBfloat16 : kFloat32,
                                                             static_cast<std::uint64_t>(rows),
                                                             static_cast<std::uint64_t>(cols), rows),
                   "cublasLtMatrixLayoutCreate");
    return layout;
  }
  void set(int attribute, std::int32_t value) const {
    library_.check(library_.api().cublasLtMatmulDescSetAttribute(desc_, attribute, &value, sizeof value),
                   "cublasLtMatmulDescSetAttribute");
  }
  template <class T>
  void prefer(Preference preference, int attribute, const T& value) const {
    library_.check(
        library_.api().cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
        "cublasLtMatmulPreferenceSetAttribute");
  }

  const Library& library_;
  Object desc_, b_, a_, c_;
};

}  // namespace

void set_cublaslt_paths(CublasltPaths paths) { g_paths = paths; }

std::string load_cublaslt() {
  require_device(0);
  std::string where;
  run_detached([&] {
    const std::lock_guard<std::mutex> lock(g_loading);
    if (g_library == nullptr) g_library = new Library(g_paths());
    where = g_library->description();
    g_absent = false;
  });
  return where;
}

bool has_cublaslt() {
  if (g_absent) return false;
  try {
    load_cublaslt();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::device_memory) return false;  // there may be room another time
    run_detached([] {
      const std::lock_guard<std::mutex> lock(g_loading);
      g_absent = g_library == nullptr;
    });
    return false;
  }
  return true;
}

namespace {

// The product of a plan, and by which algorithm; null where there is none.
std::shared_ptr<const Product> find_product(const GemmPlan& plan, const GemmOperands& operands,
                                            const float* sums, Heuristic& found) {
  const GemmProblem& p = plan.problem;
  if (p.m == 0 || p.n == 0 || p.k == 0) return nullptr;
  const bool fast = plan.products == 1 && !operands.halves;
  auto product = std::make_shared<const Product>(*g_library, p, operands.halves, fast);
  return product->choose(sums, operands, found) ? product : nullptr;
}

}  // namespace

bool cublaslt_computes(const GemmPlan& plan, const GemmOperands& operands, float* scratch) {
  Heuristic found{};
  return find_product(plan, operands, cublaslt_sums(plan, operands, scratch), found) != nullptr;
}

bool multiply_with_cublaslt(const Queue& queue, const GemmPlan& plan, const GemmOperands& operands) {
  float* sums = cublaslt_sums(plan, operands, queue.scratch);
  Heuristic found{};
  const auto product = find_product(plan, operands, sums, found);
  if (product == nullptr) return false;
  runtime().enqueue([=, stream = queue.stream] { product->launch(sums, operands, found, stream); });
  return true;
}

}  // namespace densor::cuda
