#include "cases.h"

namespace densor::native {

namespace {

constexpr math::ImageSize kSize{11, 9, 3};

void warp(const cpu::Kernels& kernels) {
  Random random(1);
  const Floats x = random.floats(kSize.size(), 0.0f, 255.0f),
               field = random.floats(2 * kSize.pixels(), -1.0f, 1.0f);
  Floats y(x.size());
  for (const auto fill : {math::ImageFill::constant, math::ImageFill::nearest, math::ImageFill::reflect,
                          math::ImageFill::wrap, math::ImageFill::mirror}) {
    Hash hash;
    for (const bool nearest : {false, true}) {
      const cpu::ImageSampling sampling{kSize, kSize.height, kSize.width, fill, 7.0f, nearest};
      kernels.image_warp(y.data(), x.data(), nullptr, {0.9, 0.2, -1.3, -0.1, 1.1, 0.7, 0.001, 0.002}, 0.0,
                         sampling);
      hash.add(y);
      kernels.image_warp(y.data(), x.data(), field.data(), {}, 2.5, sampling);
      hash.add(y);
    }
    report("image_warp " + std::to_string(static_cast<int>(fill)), hash);
  }
}

void color(const cpu::Kernels& kernels) {
  Random random(2);
  const Floats x = random.floats(kSize.size(), 0.0f, 255.0f),
               other = random.floats(kSize.size(), 0.0f, 255.0f);
  Floats y(x.size());
  for (int kind = 0; kind < math::kImageColors; ++kind) {
    const auto which = static_cast<math::ImageColor>(kind);
    Hash hash;
    for (const bool happens : {false, true}) {
      kernels.image_color(y.data(), x.data(), other.data(),
                          {which, kSize, {2, 7, 1, 5}, 0.4f, 0.0f, 255.0f, happens, 0.3f});
      hash.add(y);
    }
    report(std::string("image_color ") + math::image_color_entry(which).name, hash);
  }
}

}  // namespace

void image_cases(const cpu::Kernels& kernels) {
  warp(kernels);
  color(kernels);
  Random random(3);
  const Floats x = random.floats(kSize.size()), weights = random.floats(4, 0.0f, 0.3f);
  Floats y(x.size()), room(x.size());
  kernels.image_blur(y.data(), x.data(), room.data(), kSize, {weights.data(), 3}, {weights.data(), 2}, -3.0f,
                     3.0f);
  report("image_blur", Hash().add(y));
}

}  // namespace densor::native
