#include "ops/expression.h"

#include <algorithm>
#include <memory>
#include <string>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "cuda/memory.h"
#include "math/expression_kind.h"
#include "ops/shared/device_step.h"
#include "ops/shared/stored_step.h"

namespace densor::ops {

namespace {

using math::Instruction;
using math::Opcode;

// Everything a kernel call points at.
struct Bound {
  std::vector<Instruction> code;
  std::vector<float> constants;
  std::vector<cpu::ExpressionOperand> operands;
  std::vector<cpu::ExpressionOutput> outputs;
  cpu::Expression expression{};
};

double cost(std::int32_t opcode) {
  const bool cheap = opcode <= static_cast<std::int32_t>(Opcode::round) ||
                     (opcode >= static_cast<std::int32_t>(Opcode::add) && opcode < math::kFirstActivation);
  return cheap && opcode != static_cast<std::int32_t>(Opcode::power) ? 0.05 : 0.5;
}

// Checks the instructions one by one, as they will run.
class CodeCheck {
 public:
  CodeCheck(const Check& check, const Bound& bound, std::size_t operands, std::size_t outputs)
      : check_(check), bound_(bound), operands_(operands), written_(outputs, -1) {
    defined_.assign(cpu::kExpressionRegisters, false);
    for (std::size_t i = 0; i < bound.constants.size(); ++i) defined_[i] = true;
    registers_ = static_cast<std::int64_t>(bound.constants.size());
  }

  void run() {
    for (index_ = 0; index_ < bound_.code.size(); ++index_) instruction(bound_.code[index_]);
    for (std::size_t i = 0; i < written_.size(); ++i)
      if (written_[i] < 0) check_.fail("code", "output " + std::to_string(i) + " is never written");
  }

  std::int64_t registers() const { return registers_; }
  bool reduces(std::size_t output) const { return math::is_reduction(written_[output]); }

 private:
  void instruction(const Instruction& i) {
    if (i.opcode < 0 || i.opcode >= math::kOpcodeCount) fail("unknown opcode " + std::to_string(i.opcode));
    const std::int32_t sources[3] = {i.a, i.b, i.c};
    for (int s = 0; s < math::register_count(i.opcode); ++s) source(sources[s]);
    if (i.opcode == static_cast<std::int32_t>(Opcode::load)) within("operand", i.a, operands_);
    if (i.opcode == static_cast<std::int32_t>(Opcode::store) || math::is_reduction(i.opcode)) {
      within("output", i.to, written_.size());
      if (written_[i.to] >= 0) fail("output " + std::to_string(i.to) + " is written twice");
      written_[i.to] = i.opcode;
      return;
    }
    within("register", i.to, cpu::kExpressionRegisters);
    if (i.to < static_cast<std::int64_t>(bound_.constants.size()))
      fail("register " + std::to_string(i.to) + " holds a constant");
    defined_[i.to] = true;
    registers_ = std::max<std::int64_t>(registers_, i.to + 1);
  }

  void source(std::int32_t index) const {
    within("register", index, cpu::kExpressionRegisters);
    if (!defined_[index]) fail("register " + std::to_string(index) + " is read before it is written");
  }

  void within(const char* what, std::int32_t index, std::size_t count) const {
    if (index < 0 || static_cast<std::size_t>(index) >= count)
      fail(std::string(what) + " " + std::to_string(index) + " is outside [0, " + std::to_string(count) +
           ")");
  }

  [[noreturn]] void fail(const std::string& detail) const {
    check_.fail("code", "instruction " + std::to_string(index_) + ": " + detail);
  }

  const Check& check_;
  const Bound& bound_;
  std::size_t operands_, index_ = 0;
  std::vector<std::int32_t> written_;  // by which opcode each output is
  std::vector<bool> defined_;
  std::int64_t registers_ = 0;
};

void check_operands(const Check& check, const std::vector<View>& operands, std::int64_t rows,
                    std::int64_t cols) {
  for (const View& x : operands) {
    check.input("operands", x, stored_dtype(x), {kAny, kAny});
    const bool fits = x.rows() > 0 ? rows % x.rows() == 0 : rows == 0;
    if (!fits || (x.cols() != cols && x.cols() != 1))
      check.fail("operands", "shape " + shape_text(x) + " cannot be broadcast to (" + std::to_string(rows) +
                                 ", " + std::to_string(cols) + ")");
  }
}

void check_outputs(const Check& check, const std::vector<View>& outputs, const std::vector<View>& operands,
                   const CodeCheck& code, std::int64_t rows, std::int64_t cols) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    check.output("outputs", outputs[i], stored_dtype(outputs[i]), {rows, code.reduces(i) ? 1 : cols});
    for (const View& x : operands) check.disjoint("outputs", outputs[i], "operands", x);
    for (std::size_t j = 0; j < i; ++j) check.disjoint("outputs", outputs[i], "outputs", outputs[j]);
  }
}

// Whether a worker that owns some of the columns reads and writes nothing else.
bool is_column_local(const Bound& bound, std::int64_t cols) {
  for (const auto& operand : bound.operands)
    if (operand.width != cols) return false;
  for (const Instruction& i : bound.code)
    if (math::is_reduction(i.opcode)) return false;
  return true;
}

void fill(Bound& bound, const std::vector<View>& outputs, const std::vector<View>& operands) {
  for (const View& x : operands)
    bound.operands.push_back({x.f32(), x.rows(), x.cols(), x.dtype == DType::bf16});
  for (const View& y : outputs) bound.outputs.push_back({y.f32(), y.dtype == DType::bf16});
  cpu::Expression& e = bound.expression;
  e.code = bound.code.data();
  e.length = static_cast<std::int64_t>(bound.code.size());
  e.constants = bound.constants.data();
  e.constant_count = static_cast<std::int64_t>(bound.constants.size());
  e.operands = bound.operands.data();
  e.outputs = bound.outputs.data();
}

bool are_on_device(const Check& check, const std::vector<View>& outputs, const std::vector<View>& operands) {
  std::vector<NamedView> views;
  for (const View& y : outputs) views.push_back({"outputs", y});
  for (const View& x : operands) views.push_back({"operands", x});
  return on_device(check, views);
}

// The lists that the expression points at go to the device with it.
Step on_device_step(const Check& check, const Bound& bound) {
  const auto code = cuda::copy_to_device(bound.code);
  const auto constants = cuda::copy_to_device(bound.constants);
  const auto operands = cuda::copy_to_device(bound.operands);
  const auto outputs = cuda::copy_to_device(bound.outputs);
  cpu::Expression e = bound.expression;
  e.code = code->as<const Instruction>();
  e.constants = constants->as<const float>();
  e.operands = operands->as<const cpu::ExpressionOperand>();
  e.outputs = outputs->as<const cpu::ExpressionOutput>();
  const bool reduces = std::any_of(bound.code.begin(), bound.code.end(),
                                   [](const Instruction& i) { return math::is_reduction(i.opcode); });
  Step step;
  step.name = check.function();
  step.masks_rows = true;
  step.launch = [e, folded = reduces ? static_cast<std::int64_t>(bound.outputs.size()) : 0, code, constants,
                 operands, outputs](const Queue& queue) { cuda::launchers().expression(queue, e, folded); };
  return step;
}

}  // namespace

Step expression(const std::vector<View>& outputs, const std::vector<View>& operands, const View& code,
                const View& constants, std::int64_t rows, std::int64_t cols) {
  const Check check("expression");
  check.input("code", code, DType::i32, {kAny, 5});
  check.input("constants", constants, DType::f32, {kAny});
  require_host(check, "code", code);
  require_host(check, "constants", constants);
  if (constants.rows() > cpu::kExpressionRegisters)
    check.fail("constants", "expected at most " + std::to_string(cpu::kExpressionRegisters) + ", got " +
                                std::to_string(constants.rows()));
  auto bound = std::make_shared<Bound>();
  const auto* first = code.as<const Instruction>();
  bound->code.assign(first, first + code.rows());
  bound->constants.assign(constants.f32(), constants.f32() + constants.rows());
  CodeCheck code_check(check, *bound, operands.size(), outputs.size());
  code_check.run();
  check_operands(check, operands, rows, cols);
  check_outputs(check, outputs, operands, code_check, rows, cols);
  fill(*bound, outputs, operands);
  bound->expression.registers = code_check.registers();
  bound->expression.rows = rows;
  bound->expression.cols = cols;
  if (are_on_device(check, outputs, operands)) return on_device_step(check, *bound);

  Step step;
  step.name = check.function();
  double per_element = 0;
  for (const Instruction& i : bound->code) per_element += cost(i.opcode);
  step.work = per_element * static_cast<double>(checked_multiply(check.function(), rows, cols));
  step.scratch =
      code_check.registers() * cpu::kExpressionTile + kLine * static_cast<std::int64_t>(outputs.size());
  const bool local = is_column_local(*bound, cols);
  if (local)
    cpu::declare_shares(step, rows, cols);
  else
    step.reads_rows = step.writes_rows = rows;
  if (rows == 0 || cols == 0) {
    step.run = [](Worker&) {};
    return step;
  }
  step.run = [kernel = cpu::active().expression, bound, rows, cols, local](Worker& worker) {
    const Range mine = worker.split(rows, kRowUnit);
    const cpu::MatrixPart part =
        local ? cpu::share_of(worker, rows, cols) : cpu::MatrixPart{mine.begin, mine.end, 0, cols, cols};
    kernel(bound->expression, part, worker.scratch());
  };
  return step;
}

}  // namespace densor::ops
