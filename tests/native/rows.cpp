#include <algorithm>

#include "cases.h"

namespace densor::native {

namespace {

constexpr std::int64_t kRows = 70;  // more than a chain of 64

void sums(const cpu::Kernels& kernels) {
  Hash columns, products, penalties, squares, totals;
  for (const std::int64_t cols : kWidths) {
    Random random(cols);
    const Floats x = random.floats(kRows * cols), v = random.floats(std::max(kRows, cols));
    Floats sum(cols), by_rows(kRows), gradient(kRows * cols, 0.5f);
    kernels.column_sum(sum.data(), x.data(), kRows, cols, cols);
    columns.add(sum);
    kernels.column_sum_of_halves(sum.data(), upper_halves(x).data(), kRows, cols, cols);
    columns.add(sum);
    kernels.rows_times(by_rows.data(), x.data(), v.data(), 0, kRows, cols);
    kernels.columns_times(sum.data(), x.data(), v.data(), kRows, 0, cols, cols);
    products.add(by_rows).add(sum);
    penalties.add(kernels.penalty_value(x.data(), kRows * cols, 0.3, 0.7));
    for (const bool add : {false, true}) {
      kernels.penalty_gradient(gradient.data(), x.data(), kRows * cols, 0.3f, 0.7f, add);
      penalties.add(gradient);
    }
    squares.add(kernels.sum_of_squares(x.data(), kRows * cols));
    totals.add(kernels.accumulate(0.1, x.data(), nullptr, kRows))
        .add(kernels.accumulate(0.1, x.data(), v.data(), kRows));
  }
  report("column_sum", columns);
  report("rows_times, columns_times", products);
  report("penalty_value, penalty_gradient", penalties);
  report("sum_of_squares", squares);
  report("accumulate", totals);
}

template <class T>
void softmax(const cpu::SoftmaxKernels<T>& kernels) {
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Random random(cols + 200);
    const auto x = stored<T>(random.floats(kRows * cols, -30.0f, 30.0f)),
               dy = stored<T>(random.floats(kRows * cols));
    std::vector<T> y(x.size()), dx(x.size());
    Floats room(cols);
    kernels.forward(y.data(), x.data(), kRows, cols, room.data());
    kernels.backward(dx.data(), dy.data(), y.data(), kRows, cols);
    hash.add(y).add(dx);
  }
  report(named<T>("softmax_forward, softmax_backward"), hash);
}

void probabilities(const cpu::Kernels& kernels) {
  Hash sparse, entropies;
  for (const std::int64_t cols : kWidths) {
    Random random(cols + 100);
    const Floats x = random.floats(kRows * cols, -30.0f, 30.0f);
    Floats y(x.size()), entropy(kRows);
    kernels.floats.softmax.forward(y.data(), x.data(), kRows, cols, nullptr);
    for (const bool independent : {false, true}) {
      kernels.monte_carlo_entropy(entropy.data(), y.data(), kRows, cols, independent);
      entropies.add(entropy);
    }
    kernels.sparsemax(y.data(), x.data(), kRows, cols);
    sparse.add(y);
  }
  softmax(kernels.floats.softmax);
  softmax(kernels.halves.softmax);
  report("monte_carlo_entropy", entropies);
  report("sparsemax", sparse);
}

void samples(const cpu::Kernels& kernels) {
  Random random(3);
  const std::int64_t n = 130;
  Floats mean(n), squares(n), deviation(n);
  for (std::int64_t index = 0; index < 5; ++index)
    kernels.monte_carlo_accumulate(mean.data(), squares.data(), random.floats(n).data(), n, index);
  kernels.monte_carlo_deviation(deviation.data(), squares.data(), n, 5);
  report("monte_carlo_accumulate, _deviation", Hash().add(mean).add(squares).add(deviation));
}

void constraints(const cpu::Kernels& kernels) {
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Floats w = Random(cols).floats(kRows * cols);
    kernels.norm_constraint_columns(w.data(), kRows, cols, cols, {0.5f, 2.0f, 0.8f});
    hash.add(w);
    kernels.norm_constraint_rows(w.data(), kRows, cols, {0.1f, 0.7f, 1.0f});
    hash.add(w);
  }
  report("norm_constraint_columns, _rows", hash);
}

void accuracies(const cpu::Kernels& kernels) {
  Hash hash;
  for (const std::int64_t cols : kWidths) {
    Random random(cols + 7);
    Floats x = random.floats(kRows * cols, 0.0f, 1.0f), target(x.size()), correct(kRows);
    for (float& value : x) value = static_cast<float>(static_cast<int>(8 * value)) / 8;  // ties
    for (float& value : target) value = random.below(2) != 0 ? 1.0f : 0.0f;
    std::vector<std::int32_t> label(kRows);
    for (std::int32_t& value : label) value = static_cast<std::int32_t>(random.below(cols));
    kernels.accuracy_sparse(correct.data(), x.data(), label.data(), kRows, cols);
    hash.add(correct);
    kernels.accuracy_categorical(correct.data(), x.data(), target.data(), kRows, cols);
    hash.add(correct);
    kernels.accuracy_binary(correct.data(), x.data(), target.data(), kRows, cols, 0.5f);
    hash.add(correct);
  }
  report("accuracy_sparse, _categorical, _binary", hash);
}

}  // namespace

void row_cases(const cpu::Kernels& kernels) {
  sums(kernels);
  probabilities(kernels);
  samples(kernels);
  constraints(kernels);
  accuracies(kernels);
  const Floats x = Random(9).floats(4 * 105);
  Floats y(x.size());
  kernels.transpose(y.data(), x.data(), 4, {3, {7, 3, 5}, {1, 35, 7}});
  report("transpose", Hash().add(y));
}

}  // namespace densor::native
