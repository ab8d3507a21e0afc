#include "ops/image_color.h"

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "cpu/images.h"
#include "math/image_parameters.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

namespace {

using math::BesideImage;
using math::ImageColor;

std::int64_t beside(BesideImage other, const math::ImageSize& size) {
  return other == BesideImage::nothing ? 0 : other == BesideImage::pixels ? size.pixels() : size.size();
}

}  // namespace

math::ImageColor image_color_kind(const char* function, const char* argument, const std::string& name) {
  std::vector<std::string> known;
  for (int i = 0; i < math::kImageColors; ++i)
    known.emplace_back(math::image_color_entry(static_cast<ImageColor>(i)).name);
  return static_cast<ImageColor>(index_of_name(function, argument, name, known));
}

Step image_color(const View& y, const View& x, const View& other, const View& parameters,
                 math::ImageColor kind, const std::vector<std::int64_t>& shape, double low, double high) {
  const Check check("image_color");
  const math::ImageSize size = cpu::checked_images(check, x, shape);
  const math::ImageColorEntry entry = math::image_color_entry(kind);
  const std::int64_t width = beside(entry.other, size);
  check.output("y", y, DType::f32, {x.rows(), x.cols()});
  cpu::check_beside(check, "other", other, x.rows(), width);
  cpu::check_beside(check, "parameters", parameters, x.rows(), entry.parameters);
  check.disjoint({{"y", y}}, {{"x", x}, {"other", other}, {"parameters", parameters}});
  if (math::has_colors(kind) && size.channels != 3)
    check.fail("shape", std::string("'") + entry.name + "' needs three channels, got " +
                            std::to_string(size.channels));
  const auto [least, most] = cpu::checked_bounds(check, low, high);
  if (!(least < most)) check.fail("high", "must be above low");
  if (on_device(check, {{"y", y}, {"x", x}, {"other", other}, {"parameters", parameters}})) {
    Step step = masking_step(
        check, cuda::launchers().image_color, y.f32(), x.f32(), x.rows(),
        cuda::ColoredImages{parameters.f32(), other.f32(), entry.parameters, width, kind, size, least, most});
    if (kind == ImageColor::contrast) step.scratch = x.rows() * size.channels;
    if (kind == ImageColor::stretch) step.scratch = 2 * x.rows() * size.channels;
    return step;
  }
  Step step;
  step.name = check.function();
  step.work = (kind == ImageColor::gamma ? 2.0 : 0.5) * static_cast<double>(x.size());
  step.run = [kernel = cpu::active().image_color, y = y.f32(), x = x.f32(), other = other.f32(),
              parameters = parameters.f32(), rows = x.rows(), count = entry.parameters, kind, size, width,
              low = least, high = most](Worker& worker) {
    const Range mine = worker.split(rows);
    for (std::int64_t i = mine.begin; i < mine.end; ++i)
      kernel(y + i * size.size(), x + i * size.size(), width == 0 ? nullptr : other + i * width,
             math::image_colors(kind, parameters + i * count, size, low, high));
  };
  return step;
}

}  // namespace densor::ops
