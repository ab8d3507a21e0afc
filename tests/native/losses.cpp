#include "cases.h"

namespace densor::native {

namespace {

constexpr std::int64_t kRows = 9;

struct Problem {
  Floats x, target, weight, loss, dx;
  std::vector<std::int32_t> label;
  std::int64_t cols;

  explicit Problem(std::int64_t columns)
      : loss(kRows), dx(static_cast<std::size_t>(kRows * columns)), label(kRows), cols(columns) {
    Random random(cols);
    x = random.floats(kRows * cols, -20.0f, 20.0f);
    target = random.floats(kRows * cols, 0.0f, 1.0f);
    weight = random.floats(kRows, 0.0f, 2.0f);
    for (std::int32_t& value : label) value = static_cast<std::int32_t>(random.below(cols));
  }
  cpu::LossRows rows(bool labelled) {
    return {loss.data(),
            dx.data(),
            x.data(),
            labelled ? label.data() : nullptr,
            labelled ? nullptr : target.data(),
            weight.data(),
            kRows,
            cols,
            cols,
            0.25f,
            false};
  }
};

void loss(const char* name, void (*kernel)(const cpu::LossRows&), bool labels) {
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Problem problem(cols);
    kernel(problem.rows(false));
    hash.add(problem.loss).add(problem.dx);
    if (!labels) continue;
    problem.label[3] = -1;  // no class
    kernel(problem.rows(true));
    hash.add(problem.loss).add(problem.dx);
  }
  report(name, hash);
}

}  // namespace

void loss_cases(const cpu::Kernels& kernels) {
  loss("mean_squared_error", kernels.mean_squared_error, false);
  loss("mean_absolute_error", kernels.mean_absolute_error, false);
  loss("sigmoid_cross_entropy", kernels.sigmoid_cross_entropy, false);
  loss("softmax_cross_entropy", kernels.softmax_cross_entropy, true);
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Random random(cols + 5);
    const Floats x = random.floats(kRows * cols, -1.0f, 1.0f);
    Floats label(kRows), reference(static_cast<std::size_t>(cols)), values(kRows), dx(x.size());
    for (float& value : label) value = static_cast<float>(random.below(3));
    for (float& value : reference) value = static_cast<float>(random.below(3));
    kernels.circle_loss({values.data(), dx.data(), x.data(), label.data(), reference.data(), kRows, cols, 0,
                         16.0f, 0.4f, true});
    hash.add(values).add(dx);
  }
  report("circle_loss", hash);
}

}  // namespace densor::native
