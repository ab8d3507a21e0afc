#include "ops/cast.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/share.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

// `kernel` on this worker's share of every row.
template <class To, class From>
std::function<void(Worker&)> shared_out(void (*kernel)(To*, const From*, std::int64_t), const View& y,
                                        const View& x) {
  return [kernel, y = y.as<To>(), x = x.as<const From>(), rows = x.rows(), cols = x.cols()](Worker& worker) {
    const cpu::MatrixPart part = cpu::share_of(worker, rows, cols);
    const std::int64_t width = part.col_end - part.col_begin;
    if (width == cols)
      return kernel(y + part.row_begin * cols, x + part.row_begin * cols,
                    (part.row_end - part.row_begin) * cols);
    for (std::int64_t i = part.row_begin; i < part.row_end; ++i)
      kernel(y + i * cols + part.col_begin, x + i * cols + part.col_begin, width);
  };
}

}  // namespace

Step cast(const View& y, const View& x) {
  constexpr double kNanoseconds = 0.1;  // an element, on one thread
  const Check check("cast");
  const bool narrows = !x || x.dtype != DType::bf16;
  check.input("x", x, narrows ? DType::f32 : DType::bf16, {kAny, kAny});
  check.output("y", y, narrows ? DType::bf16 : DType::f32, {x.rows(), x.cols()});
  check.disjoint("y", y, "x", x);
  if (on_device(check, {{"y", y}, {"x", x}}))
    return narrows ? masking_step(check, cuda::launchers().narrow, y.as<std::uint16_t>(), x.f32(), x.size())
                   : masking_step(check, cuda::launchers().widen, y.f32(), x.as<std::uint16_t>(), x.size());
  Step step;
  step.name = check.function();
  step.work = kNanoseconds * static_cast<double>(x.size());
  cpu::declare_shares(step, x.rows(), x.cols());
  step.run = narrows ? shared_out(cpu::active().narrow, y, x) : shared_out(cpu::active().widen, y, x);
  return step;
}

}  // namespace densor::ops
