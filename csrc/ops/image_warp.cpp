#include "ops/image_warp.h"

#include <limits>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "cpu/images.h"
#include "math/image_parameters.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

using math::ImageWarp;

cpu::ImageFill fill_of(const char* function, const std::string& name) {
  static const std::vector<std::string> kKnown = {"constant", "nearest", "reflect", "wrap", "mirror"};
  return static_cast<cpu::ImageFill>(index_of_name(function, "fill_mode", name, kKnown));
}

math::ImageSize target_of(const Check& check, const ImageWarpOptions& options, const math::ImageSize& size) {
  const std::vector<std::int64_t>& target = options.target;
  if (target.size() != 2)
    check.fail("target", "expected height and width, got " + std::to_string(target.size()) + " numbers");
  const math::ImageSize found = cpu::image_size(check, "target", {target[0], target[1], size.channels});
  const bool crops = options.kind == ImageWarp::crop || options.kind == ImageWarp::fit;
  if (!crops && (found.height != size.height || found.width != size.width))
    check.fail("target", "only crops change the size of the images");
  if (options.kind == ImageWarp::crop && (found.height > size.height || found.width > size.width))
    check.fail("target", "a crop cannot be larger than the images");
  return found;
}

}  // namespace

math::ImageWarp image_warp_kind(const char* function, const char* argument, const std::string& name) {
  std::vector<std::string> known;
  for (int i = 0; i < math::kImageWarps; ++i)
    known.emplace_back(math::image_warp_entry(static_cast<ImageWarp>(i)).name);
  return static_cast<ImageWarp>(index_of_name(function, argument, name, known));
}

Step image_warp(const View& y, const View& x, const View& parameters, const View& field,
                const ImageWarpOptions& options) {
  const Check check("image_warp");
  const math::ImageSize size = cpu::checked_images(check, x, options.shape);
  const math::ImageSize target = target_of(check, options, size);
  const bool elastic = options.kind == ImageWarp::elastic;
  const std::int64_t count = math::image_warp_entry(options.kind).parameters;
  check.output("y", y, DType::f32, {x.rows(), target.size()});
  cpu::check_beside(check, "parameters", parameters, x.rows(), count);
  cpu::check_beside(check, "field", field, x.rows(), elastic ? 2 * target.pixels() : 0);
  check.disjoint({{"y", y}}, {{"x", x}, {"parameters", parameters}, {"field", field}});
  constexpr double kLargest = std::numeric_limits<float>::max();
  check.number("fill_value", options.fill_value, -kLargest, kLargest);
  const cpu::ImageSampling sampling{size,
                                    target.height,
                                    target.width,
                                    fill_of(check.function(), options.fill_mode),
                                    static_cast<float>(options.fill_value),
                                    options.nearest};
  if (on_device(check, {{"y", y}, {"x", x}, {"parameters", parameters}, {"field", field}})) {
    Step step =
        masking_step(check, cuda::launchers().image_warp, y.f32(), x.f32(), x.rows(),
                     cuda::WarpedImages{parameters.f32(), field.f32(), count, options.kind, sampling});
    step.scratch = cuda::kWarpScratch * x.rows();
    return step;
  }
  Step step;
  step.name = check.function();
  step.work = 5.0 * static_cast<double>(y.size());
  step.run = [kernel = cpu::active().image_warp, y = y.f32(), x = x.f32(), parameters = parameters.f32(),
              field = field.f32(), rows = x.rows(), kind = options.kind, count, elastic, size, target,
              sampling](Worker& worker) {
    const Range mine = worker.split(rows);
    for (std::int64_t i = mine.begin; i < mine.end && !worker.cancelled(); ++i) {
      const float* p = parameters + i * count;
      const float* shifts = elastic ? field + i * 2 * target.pixels() : nullptr;
      kernel(y + i * target.size(), x + i * size.size(), shifts, math::projection_of(kind, p, size, target),
             elastic ? math::field_reach(p, size) : 0.0, sampling);
    }
  };
  return step;
}

}  // namespace densor::ops
