// Dropout: y = keep ? x * scale + shift : dropped (math/dropout.h), and dx from dy by the same mask.
// Reads 4 bytes an element, writes 4 and a mask bit; backward reads 4 and a bit, writes 4; of bfloat16 arrays
// half as many.
//
// Noise: columns in blocks of 128. Lane l of block b has the Philox counter (16 b + l, row, step, stream);
// the 16-bit halves of its four words, low half first, belong to columns 128 b + 16 g + l for g = 0..7. A
// column is kept iff its half is at least the threshold, round(rate * 65536).
#pragma once

#include "cpu/generic/philox.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kNoiseColumns = 128;

// f(first column, halves) for the groups of sixteen columns of a row from `begin`, a multiple of 16, to
// `end`.
template <class F>
[[gnu::always_inline]] inline void each_noise_group(const DropoutNoise& noise, std::int64_t row,
                                                    std::int64_t begin, std::int64_t end, F f) {
  for (std::int64_t block = begin / kNoiseColumns; block * kNoiseColumns < end; ++block) {
    const auto bits = philox_lanes(noise.key, static_cast<std::uint32_t>(block * kLanes),
                                   static_cast<std::uint32_t>(row), noise.step, noise.stream);
    const auto group = [&](std::int64_t col, UVec half) {
      if (col >= begin && col < end) f(col, half);
    };
    for (int w = 0; w < 4; ++w) {
      const std::int64_t col = block * kNoiseColumns + 2 * w * kLanes;
      group(col, bits.word[w] & UVec(0xffffu));
      group(col + kLanes, shift_right<16>(bits.word[w]));
    }
  }
}

inline Mask kept(UVec half, const DropoutNoise& noise) { return !less_small(half, UVec(noise.threshold)); }

// Sixteen columns from `col` on. kPositive: the mask has what is above zero, of what was kept.
template <bool kPositive, class T>
void drop_group(T* y, std::uint16_t* mask, const T* x, Mask keep, std::int64_t cols, std::int64_t col,
                const math::DropoutMap& map) {
  const Vec scale(map.scale), shift(map.shift), dropped(map.dropped);
  const auto passed = [&](Vec v) { return kPositive ? keep & (v > Vec(0.0f)) : keep; };
  if (col + kLanes <= cols) {
    const Vec v = load_lanes(x + col, kLanes);
    mask[col / kLanes] = static_cast<std::uint16_t>(bits_of(passed(v)));
    round_lanes(y + col, kLanes, select(keep, fma(v, scale, shift), dropped));
  } else {
    const int rest = static_cast<int>(cols - col);
    const Vec v = load_lanes(x + col, rest);
    mask[col / kLanes] = static_cast<std::uint16_t>(bits_of(passed(v)) & ((1u << rest) - 1u));
    round_lanes(y + col, rest, select(keep, fma(v, scale, shift), dropped));
  }
}

template <bool kPositive, class T>
void drop_part(T* y, std::uint16_t* mask, const T* x, const MatrixPart& part, const DropoutNoise& noise,
               const math::DropoutMap& map) {
  const std::int64_t words = mask_words(part.cols);
  for (std::int64_t i = part.row_begin; i < part.row_end; ++i)
    each_noise_group(noise, i, part.col_begin, part.col_end, [&](std::int64_t col, UVec half) {
      drop_group<kPositive>(y + i * part.cols, mask + i * words, x + i * part.cols, kept(half, noise),
                            part.cols, col, map);
    });
}

template <class T>
void dropout_forward(T* y, std::uint16_t* mask, const T* x, const MatrixPart& part, const DropoutNoise& noise,
                     const math::DropoutMap& map, bool positive) {
  (positive ? drop_part<true, T> : drop_part<false, T>)(y, mask, x, part, noise, map);
}

// The mask of a row of `cols` columns of noise.
inline void noise_mask(std::uint16_t* words, std::int64_t row, std::int64_t cols, const DropoutNoise& noise) {
  each_noise_group(noise, row, 0, cols, [&](std::int64_t col, UVec half) {
    words[col / kLanes] = static_cast<std::uint16_t>(bits_of(kept(half, noise)));
  });
}

// The mask of a row, bit by bit: the axes are counted up like an odometer.
inline void spread_mask(std::uint16_t* mask, std::int64_t cols, const NoiseSpread& spread,
                        const std::uint16_t* words) {
  std::int64_t at[kMaxAxes] = {}, offset = 0;
  for (std::int64_t w = 0; w < mask_words(cols); ++w) mask[w] = 0;
  for (std::int64_t j = 0; j < cols; ++j) {
    const std::uint32_t keep = (words[offset / kLanes] >> (offset % kLanes)) & 1u;
    mask[j / kLanes] = static_cast<std::uint16_t>(mask[j / kLanes] | keep << (j % kLanes));
    for (int axis = spread.count - 1; axis >= 0; --axis) {
      offset += spread.stride[axis];
      if (++at[axis] < spread.size[axis]) break;
      offset -= spread.size[axis] * spread.stride[axis];
      at[axis] = 0;
    }
  }
}

template <class T>
void dropout_spread(T* y, std::uint16_t* mask, const T* x, std::int64_t begin, std::int64_t end,
                    std::int64_t cols, const DropoutNoise& noise, const math::DropoutMap& map,
                    const NoiseSpread& spread, std::uint16_t* words) {
  for (std::int64_t i = begin; i < end; ++i) {
    std::uint16_t* kept = mask + i * mask_words(cols);
    noise_mask(words, spread.shared ? 0 : i, spread.columns, noise);
    spread_mask(kept, cols, spread, words);
    each_vector(cols, [&](std::int64_t j, int n, auto load) {
      const Vec v = load(x + i * cols + j, n) * Vec(map.scale) + Vec(map.shift);
      round_lanes(y + i * cols + j, n, select(mask_from_bits(kept[j / kLanes]), v, Vec(map.dropped)));
    });
  }
}

template <class T>
void dropout_backward(T* dx, const T* dy, const std::uint16_t* mask, const MatrixPart& part, float scale) {
  const std::int64_t words = mask_words(part.cols);
  for (std::int64_t i = part.row_begin; i < part.row_end; ++i) {
    const std::int64_t at = i * part.cols + part.col_begin, word = i * words + part.col_begin / kLanes;
    each_vector(part.col_end - part.col_begin, [&](std::int64_t j, int n, auto load) {
      const Mask keep = mask_from_bits(mask[word + j / kLanes]);
      round_lanes(dx + at + j, n, select(keep, load(dy + at + j, n) * Vec(scale), Vec(0.0f)));
    });
  }
}

template <class T>
void fill_dropout(StoredKernels<T>& k) {
  k.dropout = {dropout_forward<T>, dropout_spread<T>, dropout_backward<T>};
}

}  // namespace
}  // namespace densor::cpu
