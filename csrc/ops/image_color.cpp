#include "ops/image_color.h"

#include <cmath>

#include "core/check.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "cpu/images.h"
#include "math/image_warp.h"

namespace densor::ops {

namespace {

using math::BesideImage;
using math::ImageColor;

std::int64_t beside(BesideImage other, const math::ImageSize& size) {
  return other == BesideImage::nothing ? 0 : other == BesideImage::pixels ? size.pixels() : size.size();
}

struct Interval {
  std::int64_t begin, end;
};

// The pixels of a side of `length` that lie in an interval of the given share, which a coin places.
Interval interval_of(float share, float coin, std::int64_t length) {
  const double whole = static_cast<double>(length);
  const double part = std::sqrt(std::fmin(std::fmax(static_cast<double>(share), 0.0), 1.0)) * whole;
  const double start = static_cast<double>(coin) * (whole - part);
  const auto pixel = [whole](double at) {
    return static_cast<std::int64_t>(std::ceil(std::fmin(std::fmax(at, 0.0), whole)));
  };
  return {pixel(start), pixel(start + part)};
}

cpu::ImageColors described(ImageColor kind, const float* p, const math::ImageSize& size, float low,
                           float high) {
  const bool chances = kind == ImageColor::invert || kind == ImageColor::erase;
  cpu::ImageColors colors{kind, size, {}, p[0], low, high, chances && math::happens(p)};
  if (kind == ImageColor::erase) {
    const Interval rows = interval_of(p[2], p[4], size.height), cols = interval_of(p[3], p[5], size.width);
    colors.box = {rows.begin, rows.end, cols.begin, cols.end};
  }
  return colors;
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
  const auto [least, most] = cpu::checked_bounds(check, low, high);
  if (!(least < most)) check.fail("high", "must be above low");
  Step step;
  step.name = check.function();
  step.work = (kind == ImageColor::gamma ? 2.0 : 0.5) * static_cast<double>(x.size());
  step.run = [kernel = cpu::active().image_color, y = y.f32(), x = x.f32(), other = other.f32(),
              parameters = parameters.f32(), rows = x.rows(), count = entry.parameters, kind, size, width,
              low = least, high = most](Worker& worker) {
    const Range mine = worker.split(rows);
    for (std::int64_t i = mine.begin; i < mine.end; ++i)
      kernel(y + i * size.size(), x + i * size.size(), width == 0 ? nullptr : other + i * width,
             described(kind, parameters + i * count, size, low, high));
  };
  return step;
}

}  // namespace densor::ops
