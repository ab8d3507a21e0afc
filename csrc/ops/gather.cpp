#include "ops/gather.h"

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

// The rows of a fed array that a batch names.
class BatchRows {
 public:
  BatchRows(const Check& check, const View& fed, const Batch& batch, std::int64_t count)
      : check_(check), fed_(fed), batch_(batch) {
    if (batch.rows != nullptr && batch.row_count < count)
      check.fail("rows", "has " + std::to_string(batch.row_count) + " entries left for a batch of " +
                             std::to_string(count));
  }

  char* at(std::int64_t i) const {
    const std::int64_t row = index(i);
    if (row < 0 || row >= fed_.rows()) refuse(i, row);
    return fed_.as<char>() + row * fed_.stride[0];
  }

  // Brings columns of row i to the caches while earlier rows are converted. Rows out of range are left to
  // `at`.
  void prefetch(std::int64_t i, Range cols) const {
    constexpr std::int64_t kCacheLine = 64, kFarthest = 4096;
    const std::int64_t row = index(i);
    if (row < 0 || row >= fed_.rows()) return;
    const char* begin = fed_.as<char>() + row * fed_.stride[0] + cols.begin * item_size(fed_.dtype);
    const std::int64_t bytes = std::min(cols.size() * item_size(fed_.dtype), kFarthest);
    for (std::int64_t at = 0; at < bytes; at += kCacheLine) __builtin_prefetch(begin + at);
  }

 private:
  std::int64_t index(std::int64_t i) const {
    return batch_.rows != nullptr ? batch_.rows[i] : batch_.start + i;
  }
  [[noreturn]] void refuse(std::int64_t i, std::int64_t row) const {
    check_.fail("feed", "row " + std::to_string(row) + ", asked for at position " + std::to_string(i) +
                            " of the batch, is outside [0, " + std::to_string(fed_.rows()) + ")");
  }

  const Check& check_;
  const View& fed_;
  const Batch& batch_;
};

void check_fed(const Check& check, const View& fed, std::int64_t features) {
  if (!fed) check.fail("feed", "no array is bound to it");
  if (fed.cols() != features)
    check.fail("feed",
               "expected rows of " + std::to_string(features) + " values, got shape " + shape_text(fed));
}

// Steps of the CPU cannot read device memory.
void check_here(const Check& check, const View& fed) {
  if (fed.device == Device::cuda && !cuda::uses_host_memory())
    check.fail_type("feed", "is on cuda, the batch on the cpu; pass a NumPy array");
}

constexpr std::int64_t kAhead = 4;  // rows between the one converted and the one prefetched

// convert(i, row) for each of the rows, of which it reads the columns.
template <class Convert>
void each_row(const BatchRows& rows, Range mine, Range cols, Convert convert) {
  for (std::int64_t i = mine.begin; i < std::min(mine.end, mine.begin + kAhead); ++i) rows.prefetch(i, cols);
  for (std::int64_t i = mine.begin; i < mine.end; ++i) {
    if (i + kAhead < mine.end) rows.prefetch(i + kAhead, cols);
    convert(i, rows.at(i));
  }
}

template <class Table>
auto converter(const Check& check, const Table& table, const View& fed) {
  const auto kernel = table[static_cast<int>(fed.dtype)];
  if (kernel == nullptr)
    check.fail_type(
        "feed", std::string("dtype ") + dtype_name(fed.dtype) + " is not read; convert the array to float32");
  return kernel;
}

double work_of(std::int64_t rows, std::int64_t features) {
  return static_cast<double>(rows) * (20.0 + 0.2 * static_cast<double>(features));
}

// The fed array for a kernel of a device. Kernels do not check: every row that any of the batches reads is
// looked at here, before the first of them runs.
cuda::FedRows fed_rows(const Check& check, const View& fed, const Queue& queue, std::int64_t batch) {
  if (fed.device != Device::cuda)
    check.fail("feed",
               std::string("is on ") + device_name(fed.device) + ", the batch on cuda; move it there");
  // Where the last batch is shorter, only those of the whole run are known.
  const bool shorter = queue.first->capacity > 0;
  const std::int64_t count = shorter ? queue.row_count : std::max(queue.row_count, batch);
  const BatchRows rows(check, fed, *queue.first, count);
  if (queue.first->rows != nullptr) {
    for (std::int64_t i = 0; i < count; ++i) rows.at(i);
  } else if (count > 0) {
    rows.at(0);
    rows.at(count - 1);
  }
  return {fed.as<char>(), fed.stride[0]};
}

Step labels_on_device(const Check& check, const View& out, std::shared_ptr<const Feed> feed) {
  Step step;
  step.name = check.function();
  step.masks_rows = true;
  step.launch = [check, feed = std::move(feed), out = out.as<std::int32_t>(),
                 batch = out.rows()](const Queue& queue) {
    const View& fed = feed->view;
    check_fed(check, fed, 1);
    const auto kernel = converter(check, cuda::launchers().gather_labels, fed);
    kernel(queue, out, fed_rows(check, fed, queue, batch), batch);
  };
  return step;
}

Step gather_labels(const Check& check, const View& out, std::shared_ptr<const Feed> feed) {
  check.output("out", out, DType::i32, {kAny});
  if (on_device(check, {{"out", out}})) return labels_on_device(check, out, std::move(feed));
  Step step;
  step.name = check.function();
  step.work = work_of(out.rows(), 1);
  step.reads_rows = step.writes_rows = out.rows();
  step.run = [check, feed = std::move(feed), out = out.as<std::int32_t>(), batch = out.rows(),
              &table = cpu::active().convert_labels](Worker& worker) {
    const View& fed = feed->view;
    check_fed(check, fed, 1);
    check_here(check, fed);
    const auto kernel = converter(check, table, fed);
    each_row(BatchRows(check, fed, worker.batch, batch), worker.split(batch, kRowUnit), {0, 1},
             [=](std::int64_t i, const char* row) { kernel(out + i, row, 1); });
  };
  return step;
}

Step gather_on_device(const Check& check, const View& out, std::shared_ptr<const Feed> feed, float scale,
                      float offset) {
  Step step;
  step.name = check.function();
  step.masks_rows = true;
  step.launch = [check, feed = std::move(feed), out = out.f32(), batch = out.rows(), features = out.cols(),
                 scale, offset](const Queue& queue) {
    const View& fed = feed->view;
    check_fed(check, fed, features);
    const auto kernel = converter(check, cuda::launchers().gather, fed);
    kernel(queue, out, fed_rows(check, fed, queue, batch), batch, features, scale, offset);
  };
  return step;
}

void check_scattered(const Check& check, const View& fed, std::int64_t cols) {
  check_fed(check, fed, cols);
  if (fed.dtype != DType::f32)
    check.fail_type("feed", std::string("expected dtype float32, got ") + dtype_name(fed.dtype));
  if (!fed.writable) check.fail("feed", "is written by this op and must not be read-only");
}

}  // namespace

Step gather(const View& out, std::shared_ptr<const Feed> feed, double scale, double offset) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const Check check("gather");
  check.number("scale", scale, -kLargest, kLargest);
  check.number("offset", offset, -kLargest, kLargest);
  if (out && out.dtype == DType::i32) {
    if (scale != 1.0) check.fail("scale", "labels are not scaled: expected 1");
    if (offset != 0.0) check.fail("offset", "labels are not moved: expected 0");
    return gather_labels(check, out, std::move(feed));
  }
  const bool rounds = out && out.device == Device::cpu && out.dtype == DType::bf16;
  check.output("out", out, rounds ? DType::bf16 : DType::f32, {kAny, kAny});
  if (on_device(check, {{"out", out}}))
    return gather_on_device(check, out, std::move(feed), static_cast<float>(scale),
                            static_cast<float>(offset));
  Step step;
  step.name = check.function();
  step.work = work_of(out.rows(), out.cols());
  cpu::declare_shares(step, out.rows(), out.cols());
  if (rounds) step.scratch = out.cols();
  step.run = [check, feed = std::move(feed), out, rounds, batch = out.rows(), features = out.cols(),
              scale = static_cast<float>(scale), offset = static_cast<float>(offset),
              &kernels = cpu::active()](Worker& worker) {
    const View& fed = feed->view;
    check_fed(check, fed, features);
    check_here(check, fed);
    const auto convert = converter(check, kernels.convert, fed);
    const cpu::MatrixPart part = cpu::share_of(worker, batch, features);
    const Range cols{part.col_begin, part.col_end};
    const std::int64_t skipped = cols.begin * item_size(fed.dtype);
    each_row(BatchRows(check, fed, worker.batch, batch), {part.row_begin, part.row_end}, cols,
             [&](std::int64_t i, const char* row) {
               const std::int64_t first = i * features + cols.begin;
               float* y = rounds ? worker.scratch() : out.f32() + first;
               convert(y, row + skipped, cols.size(), scale, offset);
               if (rounds) kernels.narrow(out.as<std::uint16_t>() + first, y, cols.size());
             });
  };
  return step;
}

Step scatter(std::shared_ptr<const Feed> feed, const View& x) {
  const Check check("scatter");
  check.matrix("x", x);
  Step step;
  step.name = check.function();
  if (on_device(check, {{"x", x}})) {
    step.masks_rows = true;
    step.launch = [check, feed = std::move(feed), x = x.f32(), batch = x.rows(),
                   cols = x.cols()](const Queue& queue) {
      check_scattered(check, feed->view, cols);
      cuda::launchers().scatter(queue, fed_rows(check, feed->view, queue, batch), x, batch, cols);
    };
    return step;
  }
  step.work = work_of(x.rows(), x.cols());
  step.reads_rows = x.rows();
  step.unread = true;
  step.run = [check, feed = std::move(feed), x = x.f32(), batch = x.rows(), cols = x.cols(),
              kernel = cpu::active().copy_matrix](Worker& worker) {
    const View& fed = feed->view;
    check_scattered(check, fed, cols);
    check_here(check, fed);
    const BatchRows rows(check, fed, worker.batch, batch);
    const Range mine = worker.split(batch, kRowUnit);
    for (std::int64_t i = mine.begin; i < mine.end; ++i)
      kernel(reinterpret_cast<float*>(rows.at(i)), x + i * cols, 1, cols, cols, cols);
  };
  return step;
}

}  // namespace densor::ops
