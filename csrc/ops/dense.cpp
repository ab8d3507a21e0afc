#include "ops/dense.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/check.h"
#include "core/parallel.h"
#include "cpu/dispatch.h"
#include "cpu/gemm/gemm.h"
#include "cpu/share.h"
#include "ops/activation.h"
#include "ops/shared/device_gemm.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

using math::Activation;

namespace {

std::string quoted(Activation activation) {
  return std::string("'") + math::activation_name(activation) + "'";
}

void check_used(const Check& check, const char* argument, const View& view, bool used,
                Activation activation) {
  if (view && !used)
    check.fail(argument, "must be None: activation " + quoted(activation) + " does not use it");
}

// Present exactly where the activation needs it.
void check_needed(const Check& check, const char* argument, const View& view, bool needed,
                  Activation activation) {
  if (needed && !view)
    check.fail_type(argument, "expected an array, got None; activation " + quoted(activation) + " needs it");
  check_used(check, argument, view, needed, activation);
}

// The device reads two bfloat16 operands or none.
void check_kernel(const Check& check, const View& x, const View& w) {
  check.input("x", x, stored_dtype(x), {kAny, kAny});
  check.input("w", w, stored_dtype(x), {x.cols(), kAny});
}

void check_forward(const View& y, const View& z, const View& x, const View& w, const View& bias,
                   Activation activation, double alpha) {
  const Check check("dense_forward");
  check_kernel(check, x, w);
  const std::int64_t rows = x.rows(), units = w.cols();
  check.optional_input("bias", bias, DType::f32, {units});
  check.output("y", y, x.dtype == DType::bf16 ? stored_dtype(y) : DType::f32, {rows, units});
  check_used(check, "z", z, math::saves_input(activation), activation);
  check.optional_output("z", z, y.dtype, {rows, units});
  check_alpha(check.function(), activation, alpha);
  check.disjoint({{"y", y}, {"z", z}}, {{"x", x}, {"w", w}, {"bias", bias}});
}

// Sums that a plan leaves in so many parts; 0: none.
void check_sums(const Check& check, const char* argument, const View& sums, std::int64_t parts) {
  if (sums && parts == 0)
    check.fail(argument, "must be None: this product, on a CPU or by this plan, does not tell");
}

void check_moments(const Check& check, const DenseMoments& moments, const View& y, std::int64_t part_rows,
                   Activation activation) {
  if (!moments.parts) return;
  if (activation != Activation::linear && activation != Activation::relu)
    check.fail("moments", "must be None: the activation " + quoted(activation) + " leaves none");
  check_sums(check, "moments", moments.parts, part_rows);
  check.output("moments", moments.parts, DType::f32, {2, (y.rows() + part_rows - 1) / part_rows, y.cols()});
}

cpu::GemmPrecision precision_of(bool bfloat16) {
  return bfloat16 ? cpu::GemmPrecision::medium : cpu::matmul_precision();
}

cpu::GemmProblem problem_of(const DenseProduct& p) {
  const cpu::GemmPrecision precision = precision_of(p.bfloat16);
  if (p.backward) return {p.rows, p.inputs, p.units, false, true, precision};
  const bool rows_vary = !p.training && !p.bfloat16;  // of bfloat16 numbers it is one product for any rows
  return {p.rows, p.units, p.inputs, false, false, precision, rows_vary};
}

void check_unpacked(const Check& check, const View& packed) {
  if (packed) check.fail("packed", "must be None on a device");
}

cuda::GemmOperands operands_of(const View& c, const View& a, const View& b) {
  cuda::GemmOperands operands{c.f32(), a.f32(), b.f32()};
  operands.halves = a.dtype == DType::bf16;
  operands.half_c = c.dtype == DType::bf16;
  return operands;
}

void require_halves(const Check& check, const char* argument) {
  if (!device_reads_halves())
    check.fail_type(argument, "is bfloat16, which this device does not multiply; cast it to float32");
}

Step forward_on_device(const Check& check, const View& y, const View& z, const View& x, const View& w,
                       const View& bias, Activation activation, double alpha, cpu::GemmPrecision precision,
                       bool training, const DenseMoments& moments) {
  Step step;
  step.name = check.function();
  const cuda::GemmProblem problem{x.rows(), w.cols(), x.cols()};
  const cuda::GemmOperands operands = operands_of(y, x, w);
  if (operands.halves) require_halves(check, "x");
  const cuda::GemmPlan plan = training ? device_gemm(problem, precision, operands.halves)
                                       : device_gemm_of_rows(problem, precision, operands.halves);
  check_moments(check, moments, y, training ? plan.moment_rows() : 0, activation);
  step.scratch = plan.scratch();
  step.masks_rows = true;
  cuda::GemmFinish finish{bias.f32(), activation, static_cast<float>(alpha), z.f32()};
  finish.sums = {moments.parts.f32(), moments.rounded};
  step.launch = [plan, operands, finish](const Queue& queue) {
    cuda::GemmFinish told = finish;
    told.sums.batch = queue.batch;
    multiply(queue, plan, operands, told);
  };
  return step;
}

std::shared_ptr<cpu::GemmSharing> sharing_of(const cpu::GemmPlan& plan) {
  return plan.lent_rows > 0 ? std::make_shared<cpu::GemmSharing>(num_threads()) : nullptr;
}

// Two workers: each reads its columns of x, then writes its columns of y. Any other number goes by columns of
// y.
void run_by_terms(Step& step, const cpu::GemmPlan& plan, const cpu::GemmOperands& operands,
                  const cpu::GemmFinish& finish) {
  step.reads_columns = plan.problem.k;
  step.writes_columns = plan.problem.n;
  step.meets = true;
  step.run = [&kernels = cpu::active(), plan, operands, finish,
              partial = std::make_shared<std::vector<float>>(
                  static_cast<std::size_t>(plan.problem.m * plan.problem.n))](Worker& worker) {
    if (worker.count() == 2) {
      cpu::run_gemm_by_terms(kernels, plan, operands, finish, partial->data(), worker);
    } else {
      worker.barrier();
      cpu::run_gemm(kernels, plan, operands, finish, worker);
    }
  };
}

}  // namespace

Step dense_forward(const View& y, const View& z, const View& x, const View& w, const View& bias,
                   Activation activation, double alpha, bool training, bool bfloat16,
                   const DenseMoments& moments, const View& packed) {
  check_forward(y, z, x, w, bias, activation, alpha);
  const Check check("dense_forward");
  if (on_device(check,
                {{"y", y}, {"z", z}, {"x", x}, {"w", w}, {"bias", bias}, {"moments", moments.parts}})) {
    check_unpacked(check, packed);
    return forward_on_device(check, y, z, x, w, bias, activation, alpha,
                             precision_of(bfloat16 || x.dtype == DType::bf16), training, moments);
  }
  check_sums(check, "moments", moments.parts, 0);
  const cpu::Kernels& kernels = cpu::active();
  const cpu::GemmProblem problem = problem_of({x.rows(), x.cols(), w.cols(), false, training, bfloat16});
  cpu::GemmPlan plan = cpu::plan_gemm(problem, kernels.gemm.shape, num_threads());
  const cpu::GemmOperands operands{y.f32(), x.f32(), w.f32(),
                                   read_packed(check, "packed", packed, x.cols(), w.cols(), plan.terms())};
  check.disjoint({{"y", y}, {"z", z}}, {{"packed", packed}});
  if (packed) plan = with_packed_b(plan);
  const cpu::GemmFinish finish{bias.f32(), z.f32(), activation, static_cast<float>(alpha)};
  Step step;
  step.name = "dense_forward";
  step.work = plan.nanoseconds;
  step.scratch = plan.packed_floats();
  if (plan.split == cpu::GemmSplit::terms) {
    run_by_terms(step, plan, operands, finish);
    return step;
  }
  if (plan.split == cpu::GemmSplit::columns)
    step.writes_columns = problem.n;
  else
    step.reads_rows = step.writes_rows = problem.m;
  step.run = [&kernels, plan, operands, finish, sharing = sharing_of(plan)](Worker& worker) {
    cpu::run_gemm(kernels, plan, operands, finish, worker, cpu::Cancelling::obeyed, sharing.get());
  };
  return step;
}

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
  check.optional_output("dx", dx, halves ? stored_dtype(dx) : DType::f32, {rows, inputs});
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
  std::shared_ptr<cpu::GemmSharing> dx_sharing, dw_sharing;

  void run(Worker& worker) const {
    if (dz != nullptr) derivative(worker);
    if (dbias != nullptr && !by_rows()) sum_columns(worker);
    if (meets()) worker.barrier();
    if (dbias != nullptr && by_rows()) sum_columns(worker);
    constexpr auto kObeyed = cpu::Cancelling::obeyed;
    if (dw != nullptr) cpu::run_gemm(*kernels, dw_plan, {dw, x, d()}, {}, worker, kObeyed, dw_sharing.get());
    if (dx != nullptr)
      cpu::run_gemm(*kernels, dx_plan, {dx, d(), w, packed}, {nullptr, nullptr, Activation::linear, 0, below},
                    worker, kObeyed, dx_sharing.get());
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
    kernels->activation_backward(dz + first, dy + first, saved + first, part.row_end - part.row_begin,
                                 part.col_end - part.col_begin, units, units, units, activation, alpha);
  }

  void sum_columns(const Worker& worker) const {
    const Range mine = worker.split(units, kLine);
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
  op.dx_plan = cpu::plan_gemm(problem_of({rows, inputs, units, true, true, bfloat16}), kernels.gemm.shape,
                              num_threads());
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

int dense_terms(const DenseProduct& product) {
  return cpu::plan_gemm(problem_of(product), cpu::active().gemm.shape, num_threads()).terms();
}

DenseSums dense_sums(std::int64_t rows, std::int64_t inputs, std::int64_t units, bool bfloat16, bool halves) {
  const cpu::GemmPrecision precision = precision_of(bfloat16 || halves);
  return {device_gemm({rows, units, inputs}, precision, halves).moment_rows(),
          device_gemm({inputs, units, rows, true, false}, precision, halves).square_sums()};
}

}  // namespace densor::ops
