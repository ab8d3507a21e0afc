#include "ops/dense.h"

#include <memory>
#include <vector>

#include "ops/activation.h"
#include "ops/dropout.h"
#include "ops/shared/dense_product.h"

namespace densor::ops {

namespace {

void check_forward(const View& y, const View& z, const View& x, const View& w, const View& bias,
                   Activation activation, double alpha) {
  const Check check("dense_forward");
  check_kernel(check, x, w);
  const std::int64_t rows = x.rows(), units = w.cols();
  check.optional_input("bias", bias, DType::f32, {units});
  check.output("y", y, x.dtype == DType::bf16 ? operand_dtype(y) : DType::f32, {rows, units});
  check_used(check, "z", z, math::saves_input(activation), activation);
  check.optional_output("z", z, y.dtype, {rows, units});
  check_alpha(check.function(), activation, alpha);
  check.disjoint({{"y", y}, {"z", z}}, {{"x", x}, {"w", w}, {"bias", bias}});
}

void check_moments(const Check& check, const DenseMoments& moments, const View& y, std::int64_t part_rows,
                   Activation activation) {
  if (!moments.parts) return;
  if (activation != Activation::linear && activation != Activation::relu)
    check.fail("moments", "must be None: the activation " + quoted(activation) + " leaves none");
  check_sums(check, "moments", moments.parts, part_rows);
  check.output("moments", moments.parts, DType::f32, {2, (y.rows() + part_rows - 1) / part_rows, y.cols()});
}

cuda::GemmOperands operands_of(const View& c, const View& a, const View& b) {
  cuda::GemmOperands operands{c.f32(), a.f32(), b.f32()};
  operands.halves = a.dtype == DType::bf16;
  operands.half_c = c.dtype == DType::bf16;
  return operands;
}

Step forward_on_device(const Check& check, const View& y, const View& z, const View& x, const View& w,
                       const View& bias, Activation activation, double alpha, cpu::GemmPrecision precision,
                       bool training, const DenseMoments& moments, const DenseDropout& dropout) {
  Step step;
  step.name = check.function();
  const cuda::GemmProblem problem{x.rows(), w.cols(), x.cols()};
  const cuda::GemmOperands operands = operands_of(y, x, w);
  if (operands.halves) require_halves(check, "x");
  const cuda::GemmPlan plan = training ? device_gemm(problem, precision, operands.halves)
                                       : device_gemm_of_rows(problem, precision, operands.halves);
  check_moments(check, moments, y, training ? plan.moment_rows() : 0, activation);
  check_fused_dropout(check, dropout.mask, dropout.rate, y.rows(), y.cols(), activation);
  check.optional_output("mask", dropout.mask, DType::u16, {y.rows(), cpu::mask_words(y.cols())});
  step.scratch = plan.scratch();
  step.masks_rows = true;
  cuda::GemmFinish finish{bias.f32(), activation, static_cast<float>(alpha), z.f32()};
  finish.sums = {moments.parts.f32(), moments.rounded};
  finish.dropout = {dropout.mask.as<std::uint16_t>(),
                    nullptr,
                    dropout.seed,
                    dropout.stream,
                    dropout_threshold(dropout.rate),
                    math::dropout_map(math::DropoutKind::inverted, dropout.rate).scale};
  step.launch = [plan, operands, finish](const Queue& queue) {
    cuda::GemmFinish told = finish;
    told.sums.batch = queue.batch;
    if (told.drops()) told.dropout.batch = queue.batch;
    multiply(queue, plan, operands, told);
  };
  return step;
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
                   const DenseMoments& moments, const View& packed, const DenseDropout& dropout) {
  check_forward(y, z, x, w, bias, activation, alpha);
  const Check check("dense_forward");
  if (on_device(check, {{"y", y},
                        {"z", z},
                        {"x", x},
                        {"w", w},
                        {"bias", bias},
                        {"moments", moments.parts},
                        {"mask", dropout.mask}})) {
    check.disjoint({{"mask", dropout.mask}, {"moments", moments.parts}}, {{"y", y}, {"x", x}, {"w", w}});
    check_unpacked(check, packed);
    return forward_on_device(check, y, z, x, w, bias, activation, alpha,
                             precision_of(bfloat16 || x.dtype == DType::bf16), training, moments, dropout);
  }
  if (dropout.mask) check.fail("mask", "must be None on a CPU; apply dropout separately");
  check_sums(check, "moments", moments.parts, 0);
  const cpu::Kernels& kernels = cpu::active();
  const cpu::GemmProblem problem =
      problem_of({x.rows(), x.cols(), w.cols(), false, training, bfloat16 || x.dtype == DType::bf16});
  cpu::GemmPlan plan = cpu::plan_gemm(problem, kernels.gemm.shape, num_threads());
  check_rounded(check, "y", y, plan);
  const cpu::GemmOperands operands{y.f32(), x.f32(), w.f32(),
                                   read_packed(check, "packed", packed, x.cols(), w.cols(), plan.terms()),
                                   halves_of(y, x)};
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

bool cpu_reads_halves() { return cpu::active().gemm.shape.matrix_units; }

bool cpu_writes_halves(std::int64_t terms) {
  const cpu::GemmProblem problem{1, 1, terms, false, false, cpu::GemmPrecision::medium};
  return cpu_reads_halves() && cpu::plan_gemm(problem, cpu::active().gemm.shape, 1).one_pass();
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
