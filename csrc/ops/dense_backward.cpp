// The gradients of a dense layer.
#include <algorithm>
#include <memory>

#include "cpu/share.h"
#include "math/dropout.h"
#include "ops/activation.h"
#include "ops/dense.h"
#include "ops/shared/dense_product.h"

namespace densor::ops {

namespace {

void check_below(const Check& check, const View& dx, const View& x, const Below& below) {
  check_needed(check, "below_saved", below.saved, below.activation != Activation::linear, below.activation);
  check.optional_input("below_saved", below.saved, dx ? dx.dtype : DType::f32, {x.rows(), x.cols()});
  check.optional_input("below_mask", below.mask, DType::u16, {x.rows(), cpu::mask_words(x.cols())});
  check.number("below_rate", below.rate, 0.0, 1.0, true);
  check_alpha(check.function(), below.activation, below.alpha, "below_alpha");
  if (!dx && (below.saved || below.mask))
    check.fail_type("dx", "expected an array, got None; 'below_saved' and 'below_mask' are for it");
}

void check_backward(const View& dx, const View& dw, const View& dbias, const View& dz, const View& dy,
                    const View& saved, const View& x, const View& w, Activation activation, double alpha,
                    const Below& below) {
  const Check check("dense_backward");
  const bool linear = activation == Activation::linear;
  check_kernel(check, x, w);
  const bool halves = x.dtype == DType::bf16;
  const std::int64_t rows = x.rows(), inputs = x.cols(), units = w.cols();
  check.input("dy", dy, x.dtype, {rows, units});
  if (halves && !linear)
    check.fail("x", "is bfloat16: the derivative of the activation is a step of its own then");
  check_needed(check, "saved", saved, !linear, activation);
  check.optional_input("saved", saved, DType::f32, {rows, units});
  check_needed(check, "dz", dz, !linear, activation);
  check.optional_output("dz", dz, DType::f32, {rows, units});
  check.optional_output("dx", dx, halves ? operand_dtype(dx) : DType::f32, {rows, inputs});
  check.optional_output("dw", dw, DType::f32, {inputs, units});
  check.optional_output("dbias", dbias, DType::f32, {units});
  check_alpha(check.function(), activation, alpha);
  check_below(check, dx, x, below);
  check.disjoint({{"dx", dx}, {"dw", dw}, {"dbias", dbias}}, {{"dy", dy},
                                                              {"saved", saved},
                                                              {"x", x},
                                                              {"w", w},
                                                              {"below_mask", below.mask},
                                                              {"below_saved", below.saved}});
  check.disjoint({{"dz", dz}}, {{"dx", dx},
                                {"dw", dw},
                                {"dbias", dbias},
                                {"x", x},
                                {"w", w},
                                {"below_mask", below.mask},
                                {"below_saved", below.saved}});
  if (dz.data != dy.data) check.disjoint("dz", dz, "dy", dy);
  check.disjoint("dz", dz, "saved", saved);
}

struct Backward {
  const cpu::Kernels* kernels;
  cpu::GemmPlan dx_plan, dw_plan;
  float *dx, *dw, *dbias, *dz;
  const float *dy, *saved, *x, *w;
  std::int64_t rows, units;
  Activation activation;
  float alpha;
  cpu::GemmPrecision precision;
  cpu::GemmSlope below;
  cpu::PackedForm packed;  // of w
  cpu::GemmHalves dx_halves, dw_halves;
  std::shared_ptr<cpu::GemmSharing> dx_sharing, dw_sharing;

  void run(Worker& worker) const {
    if (dz != nullptr) derivative(worker);
    if (dbias != nullptr && !by_rows()) sum_columns(worker);
    if (meets()) worker.barrier();
    if (dbias != nullptr && by_rows()) sum_columns(worker);
    constexpr auto kObeyed = cpu::Cancelling::obeyed;
    if (dw != nullptr)
      cpu::run_gemm(*kernels, dw_plan, {dw, x, d(), {}, dw_halves}, {}, worker, kObeyed, dw_sharing.get());
    if (dx != nullptr)
      cpu::run_gemm(*kernels, dx_plan, {dx, d(), w, packed, dx_halves},
                    {nullptr, nullptr, Activation::linear, 0, below}, worker, kObeyed, dx_sharing.get());
  }

  // Until its own barrier the step touches only its share of dy, saved and dz.
  void declare(Step& step) const {
    (by_rows() ? step.reads_rows : step.reads_columns) = by_rows() ? rows : units;
    step.meets = meets();
    if (dw != nullptr || dbias != nullptr) return;
    const bool writes_rows = dx != nullptr ? dx_by_rows() : by_rows();
    (writes_rows ? step.writes_rows : step.writes_columns) =
        writes_rows ? rows : (dx != nullptr ? dx_plan.problem.n : units);
  }

 private:
  const float* d() const { return dz != nullptr ? dz : dy; }
  // How dz is shared out; as in cpu/share.h.
  bool by_rows() const { return !cpu::shares_columns(rows, units); }
  bool dx_by_rows() const { return dx_plan.split == cpu::GemmSplit::rows; }
  // Whether something reads more of dz than the worker's share.
  bool meets() const {
    return dw != nullptr || (dbias != nullptr && by_rows()) ||
           (dx != nullptr && !(by_rows() && dx_by_rows()));
  }

  void derivative(const Worker& worker) const {
    const cpu::MatrixPart part = cpu::share_of(worker, rows, units);
    const std::int64_t first = part.row_begin * units + part.col_begin;
    kernels->floats.activation.backward(dz + first, dy + first, saved + first, part.row_end - part.row_begin,
                                        part.col_end - part.col_begin, units, units, units, activation,
                                        alpha);
  }

  void sum_columns(const Worker& worker) const {
    const Range mine = worker.split(units, kLine);
    if (dx_halves != cpu::GemmHalves::none)
      kernels->column_sum_of_halves(dbias + mine.begin,
                                    reinterpret_cast<const std::uint16_t*>(dy) + mine.begin, rows,
                                    mine.size(), units);
    else
      kernels->column_sum(dbias + mine.begin, d() + mine.begin, rows, mine.size(), units);
  }
};

// dz, dbias, dw and dx, one after the other.
Step backward_on_device(const Check& check, const Backward& op, std::int64_t inputs, const View& dy,
                        bool half_dx, const View& squares) {
  const cuda::Launchers& kernels = cuda::launchers();
  const bool halves = dy.dtype == DType::bf16;
  if (halves) require_halves(check, "x");
  Step step;
  step.name = check.function();
  cuda::GemmPlan for_w, for_x;
  if (op.dw != nullptr) for_w = device_gemm({inputs, op.units, op.rows, true, false}, op.precision, halves);
  if (op.dx != nullptr) for_x = device_gemm({op.rows, inputs, op.units, false, true}, op.precision, halves);
  if (squares) {
    if (op.dw == nullptr) check.fail("squares", "must be None where dw is");
    check_sums(check, "squares", squares, for_w.square_sums());
    check.output("squares", squares, DType::f64, {for_w.square_sums()});
  }
  step.scratch = std::max(
      {op.dbias != nullptr ? cuda::column_parts(op.rows) * op.units : 0, for_w.scratch(), for_x.scratch()});
  // The library counts the terms on the host.
  step.masks_rows = op.dw == nullptr || for_w.kernel != cuda::GemmKernel::cublaslt;
  const cuda::GemmSlope slope{op.below.mask, op.below.scale, op.below.saved, op.below.activation,
                              op.below.alpha};
  step.launch = [op, slope, n = dy.size(), &kernels, for_w, for_x, halves, half_dx,
                 sums = cuda::GemmSums{nullptr, false, nullptr, squares.as<double>()}](const Queue& queue) {
    const float* d = op.dz != nullptr ? op.dz : op.dy;
    if (op.dz != nullptr)
      kernels.activation_backward(queue, op.dz, op.dy, op.saved, n, op.activation, op.alpha);
    if (op.dbias != nullptr && halves)
      kernels.column_sum_of_halves(queue, op.dbias, reinterpret_cast<const std::uint16_t*>(d), op.rows,
                                   op.units);
    else if (op.dbias != nullptr)
      kernels.column_sum(queue, op.dbias, d, op.rows, op.units);
    if (op.dw != nullptr) multiply(queue, for_w, {op.dw, op.x, d, queue.batch, halves}, {.sums = sums});
    if (op.dx != nullptr)
      multiply(queue, for_x, {op.dx, d, op.w, nullptr, halves, half_dx}, {.slope = slope});
  };
  return step;
}

}  // namespace

Step dense_backward(const View& dx, const View& dw, const View& dbias, const View& dz, const View& dy,
                    const View& saved, const View& x, const View& w, Activation activation, double alpha,
                    bool bfloat16, const Below& below, const View& squares, const View& packed) {
  check_backward(dx, dw, dbias, dz, dy, saved, x, w, activation, alpha, below);
  const std::int64_t rows = x.rows(), inputs = x.cols(), units = w.cols();
  const cpu::Kernels& kernels = cpu::active();
  Backward op{};
  op.kernels = &kernels;
  const cpu::GemmPrecision precision = op.precision = precision_of(bfloat16 || x.dtype == DType::bf16);
  op.dw_plan =
      cpu::plan_gemm({inputs, units, rows, true, false, precision}, kernels.gemm.shape, num_threads());
  op.dx_plan =
      cpu::plan_gemm(problem_of({rows, inputs, units, true, true, bfloat16 || x.dtype == DType::bf16}),
                     kernels.gemm.shape, num_threads());
  op.dx = dx.f32(), op.dw = dw.f32(), op.dbias = dbias.f32(), op.dz = dz.f32();
  op.dy = dy.f32(), op.saved = saved.f32(), op.x = x.f32(), op.w = w.f32();
  op.rows = rows, op.units = units;
  op.activation = activation, op.alpha = static_cast<float>(alpha);
  op.below = {below.mask.as<const std::uint16_t>(), math::dropout_map(below.kind, below.rate).scale,
              below.activation, static_cast<float>(below.alpha), below.saved.f32()};
  const Check check("dense_backward");
  if (on_device(check, {{"dx", dx},
                        {"dw", dw},
                        {"dbias", dbias},
                        {"dz", dz},
                        {"dy", dy},
                        {"saved", saved},
                        {"x", x},
                        {"w", w},
                        {"below_mask", below.mask},
                        {"below_saved", below.saved},
                        {"squares", squares}})) {
    check_unpacked(check, packed);
    return backward_on_device(check, op, inputs, dy, dx && dx.dtype == DType::bf16, squares);
  }
  check_sums(check, "squares", squares, 0);
  check_rounded(check, "dx", dx, op.dx_plan);
  if (dx && dx.dtype == DType::bf16 && below.activation != Activation::linear &&
      below.activation != Activation::relu)
    check.fail_type("dx", "is bfloat16, which a CPU does not multiply by the derivative of " +
                              quoted(below.activation) + "; pass float32");
  op.dx_halves = halves_of(dx, dy);
  if (x.dtype == DType::bf16) op.dw_halves = cpu::GemmHalves::a_and_b;
  op.packed = read_packed(check, "packed", packed, inputs, units, op.dx_plan.terms());
  check.disjoint({{"dx", dx}, {"dw", dw}, {"dbias", dbias}, {"dz", dz}}, {{"packed", packed}});
  if (packed) op.dx_plan = with_packed_b(op.dx_plan);
  op.dx_sharing = sharing_of(op.dx_plan), op.dw_sharing = sharing_of(op.dw_plan);
  Step step;
  step.name = "dense_backward";
  step.work = 0.3 * static_cast<double>(dy.size());
  if (dw) step.work += op.dw_plan.nanoseconds, step.scratch = op.dw_plan.packed_floats();
  if (dx)
    step.work += op.dx_plan.nanoseconds, step.scratch = std::max(step.scratch, op.dx_plan.packed_floats());
  op.declare(step);
  step.run = [op](Worker& worker) { op.run(worker); };
  return step;
}

}  // namespace densor::ops
