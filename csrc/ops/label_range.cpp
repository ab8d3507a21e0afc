#include "ops/label_range.h"

#include "cpu/generic/label_range.h"

namespace densor::ops {

Found label_range(const View& labels, std::int64_t classes, double ignored) {
  const Check check("label_range");
  const Runs runs = runs_of(check, "labels", labels);
  const cpu::LabelCount kernel = cpu::label_range(labels.dtype);
  if (kernel == nullptr)
    check.fail_type("labels",
                    std::string("dtype ") + dtype_name(labels.dtype) + " is not read; pass integers");
  const math::LabelRange range{static_cast<double>(classes), ignored};
  if (labels.device == Device::cuda)
    return count_on_device(runs,
                           [&, on_device = cuda::launchers().label_range[static_cast<int>(labels.dtype)]](
                               const Queue& queue, cuda::BlockCount* counts, const Runs& r) {
                             on_device(queue, counts, r.data, r.rows, r.cols, r.stride, range);
                           });
  return count_on_cpu(runs, item_size(labels.dtype),
                      [&](const char* x, std::int64_t n) { return kernel(x, n, range); });
}

}  // namespace densor::ops
