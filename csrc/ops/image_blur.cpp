#include "ops/image_blur.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "cpu/images.h"
#include "math/image_blur.h"
#include "math/image_warp.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

// The kernel of one axis of `length` pixels, in `room` for `length` weights.
cpu::BlurKernel kernel_of(float* room, std::int64_t length, std::int64_t size, float deviation) {
  const math::BlurAxis axis = math::blur_axis(length, size, deviation);
  double sum = 1.0;
  for (std::int64_t t = 1; t <= axis.taps / 2; ++t) sum += 2.0 * math::blur_weight(axis, t);
  for (std::int64_t t = 0; t <= axis.reach; ++t)
    room[t] = static_cast<float>(math::blur_weight(axis, t) / sum);
  return {room, axis.reach};
}

}  // namespace

Step image_blur(const View& y, const View& x, const View& parameters, const std::vector<std::int64_t>& shape,
                const std::vector<std::int64_t>& kernel_size, double low, double high) {
  const Check check("image_blur");
  const math::ImageSize size = cpu::checked_images(check, x, shape);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  check.matrix("parameters", parameters);
  const std::int64_t count = parameters.cols();
  if (count != 3 && count != 4)
    check.fail("parameters", "expected 3 or 4 columns, got " + std::to_string(count));
  check.input("parameters", parameters, DType::f32, {x.rows(), count});
  if (kernel_size.size() != 2)
    check.fail("kernel_size", "expected two sizes, got " + std::to_string(kernel_size.size()));
  for (const std::int64_t taps : kernel_size)
    if (taps != 0 && (taps < 0 || taps % 2 == 0 || taps > cpu::kLongestSide))
      check.fail("kernel_size", std::to_string(taps) + " is not odd and above 0, nor 0");
  check.disjoint({{"y", y}}, {{"x", x}, {"parameters", parameters}});
  const auto [least, most] = cpu::checked_bounds(check, low, high);
  if (on_device(check, {{"y", y}, {"x", x}, {"parameters", parameters}})) {
    Step step = masking_step(
        check, cuda::launchers().image_blur, y.f32(), x.f32(), x.rows(),
        cuda::BlurredImages{parameters.f32(), count, size, kernel_size[0], kernel_size[1], least, most});
    step.scratch = cuda::blur_scratch(size) * x.rows();
    return step;
  }
  Step step;
  step.name = check.function();
  step.work = 1.0 * static_cast<double>(x.size());
  step.scratch = size.size() + size.width + size.height;
  step.run = [kernel = cpu::active().image_blur, y = y.f32(), x = x.f32(), parameters = parameters.f32(),
              rows = x.rows(), count, size, across = kernel_size[0], down = kernel_size[1], low = least,
              high = most](Worker& worker) {
    const Range mine = worker.split(rows);
    float *room = worker.scratch(), *weights = room + size.size();
    for (std::int64_t i = mine.begin; i < mine.end && !worker.cancelled(); ++i) {
      const float* p = parameters + i * count;
      // A kernel of one tap: the image as it is.
      const bool blurs = math::happens(p);
      const cpu::BlurKernel x_axis = kernel_of(weights, size.width, blurs ? across : 1, p[2]);
      const cpu::BlurKernel y_axis =
          kernel_of(weights + size.width, size.height, blurs ? down : 1, p[count - 1]);
      kernel(y + i * size.size(), x + i * size.size(), room, size, x_axis, y_axis, low, high);
    }
  };
  return step;
}

}  // namespace densor::ops
