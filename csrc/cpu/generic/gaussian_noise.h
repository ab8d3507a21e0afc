// Normal noise: y = x + noise (GaussianNoise) or x (1 + noise) (Gaussian dropout, whose gradient is the same
// map of dy). Reads 4 bytes an element, writes 4.
//
// Columns in blocks of 64: word w of lane l of block b has the Philox counter (16 b + l, row, step, stream)
// and belongs to column 64 b + 16 w + l.
#pragma once

#include "cpu/generic/philox.h"
#include "cpu/kernels.h"
#include "math/random.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kNormalColumns = 64;

inline Vec noisy(Vec x, UVec word, const NormalNoise& noise) {
  const Vec z = math::normal_from(word) * Vec(noise.stddev);
  return noise.multiplies ? fma(x, z, x) : x + z;
}

void gaussian_noise(float* y, const float* x, const MatrixPart& part, const NormalNoise& noise) {
  for (std::int64_t i = part.row_begin; i < part.row_end; ++i) {
    float* to = y + i * part.cols;
    const float* from = x + i * part.cols;
    for (std::int64_t block = part.col_begin / kNormalColumns; block * kNormalColumns < part.col_end;
         ++block) {
      const auto words = philox_lanes(noise.key, static_cast<std::uint32_t>(block * kLanes),
                                      static_cast<std::uint32_t>(i), noise.step, noise.stream);
      for (int w = 0; w < 4; ++w) {
        const std::int64_t col = block * kNormalColumns + w * kLanes;
        if (col < part.col_begin || col >= part.col_end) continue;
        if (col + kLanes <= part.cols) {
          noisy(Vec::load(from + col), words.word[w], noise).store(to + col);
        } else {
          const int rest = static_cast<int>(part.cols - col);
          noisy(Vec::load_first(from + col, rest), words.word[w], noise).store_first(to + col, rest);
        }
      }
    }
  }
}

void fill_gaussian_noise(Kernels& k) { k.gaussian_noise = gaussian_noise; }

}  // namespace
}  // namespace densor::cpu
