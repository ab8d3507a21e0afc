// Random fills and permutations. Numbers come in blocks of 64: element 64 b + 16 w + l is word w of the
// Philox counter (16 b + l, high bits of 16 b, fill or permutation, stream). Writes 4 bytes an element.
#pragma once

#include "cpu/generic/philox.h"
#include "cpu/generic/rows.h"
#include "cpu/kernels.h"
#include "math/random.h"

namespace densor::cpu {
namespace {

inline constexpr std::int64_t kBlockWords = 64;

inline math::PhiloxWords<UVec> random_block(std::int64_t block, std::uint32_t what,
                                            const RandomSource& source) {
  const auto counter = static_cast<std::uint64_t>(block) * kLanes;
  return philox_lanes(source.key, static_cast<std::uint32_t>(counter),
                      static_cast<std::uint32_t>(counter >> 32), what, source.stream);
}

// out[i] = f(word of element first + i); first is a multiple of 64.
template <class F>
void fill_random(float* out, std::int64_t first, std::int64_t n, const RandomSource& source, F f) {
  for (std::int64_t i = 0; i < n;) {
    const auto block = random_block((first + i) / kBlockWords, math::kFillNoise, source);
    for (int w = 0; w < 4 && i < n; ++w, i += kLanes) {
      const Vec v = f(block.word[w]);
      if (i + kLanes <= n)
        v.store(out + i);
      else
        v.store_first(out + i, static_cast<int>(n - i));
    }
  }
}

void random_uniform(float* out, std::int64_t first, std::int64_t n, const RandomSource& source, float low,
                    float range, float highest) {
  fill_random(out, first, n, source, [=](UVec word) {
    return min(fma(math::uniform_from(word), Vec(range), Vec(low)), Vec(highest));
  });
}

void random_normal(float* out, std::int64_t first, std::int64_t n, const RandomSource& source, float mean,
                   float stddev) {
  fill_random(out, first, n, source,
              [=](UVec word) { return fma(math::normal_from(word), Vec(stddev), Vec(mean)); });
}

void random_truncated_normal(float* out, std::int64_t first, std::int64_t n, const RandomSource& source,
                             float mean, float stddev) {
  fill_random(out, first, n, source,
              [=](UVec word) { return fma(math::truncated_normal_from(word), Vec(stddev), Vec(mean)); });
}

// Column 64 b + 16 w + l of a row has word w of the counter (16 b + l, row, step, stream).
void random_rows(float* out, const float* low, const float* high, std::int64_t begin, std::int64_t end,
                 std::int64_t cols, const RowNoise& noise) {
  bool constant = true;
  for (std::int64_t j = 0; j < cols && constant; ++j) constant = low[j] == high[j];
  for (std::int64_t i = begin; i < end; ++i) {
    math::PhiloxWords<UVec> block{};
    each_vector(cols, [&](std::int64_t j, int n, auto load) {
      const std::int64_t word = j / kLanes % 4;
      if (!constant && word == 0)
        block = philox_lanes(noise.key, static_cast<std::uint32_t>(j / kBlockWords * kLanes),
                             static_cast<std::uint32_t>(i), noise.step, noise.stream);
      const Vec from = load(low + j, n);
      const Vec value =
          constant ? from : fma(math::uniform_from(block.word[word]), load(high + j, n) - from, from);
      store_lanes(out + i * cols + j, n, value);
    });
  }
}

// The words of a source, one after the other.
class WordStream {
 public:
  explicit WordStream(const RandomSource& source) : source_(source) {}

  std::uint32_t next() {
    if (at_ == kBlockWords) {
      const auto block = random_block(block_++, math::kPermutationNoise, source_);
      for (int w = 0; w < 4; ++w) block.word[w].store(words_ + w * kLanes);
      at_ = 0;
    }
    return words_[at_++];
  }

 private:
  RandomSource source_;
  std::uint32_t words_[kBlockWords];
  std::int64_t at_ = kBlockWords, block_ = 0;
};

// Uniform in [0, bound): the high half of word * bound, redrawn where that would favour some values.
inline std::uint32_t below(std::uint32_t bound, WordStream& words) {
  std::uint64_t product = static_cast<std::uint64_t>(words.next()) * bound;
  if (static_cast<std::uint32_t>(product) < bound) {
    const std::uint32_t favoured = (0u - bound) % bound;
    while (static_cast<std::uint32_t>(product) < favoured)
      product = static_cast<std::uint64_t>(words.next()) * bound;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

// Fisher-Yates, building the permutation from the front.
void permutation(std::int64_t* out, std::int64_t n, const RandomSource& source) {
  WordStream words(source);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t j = below(static_cast<std::uint32_t>(i + 1), words);
    out[i] = out[j];
    out[j] = i;
  }
}

void fill_random_kernels(Kernels& k) {
  k.random_uniform = random_uniform;
  k.random_normal = random_normal;
  k.random_truncated_normal = random_truncated_normal;
  k.random_rows = random_rows;
  k.permutation = permutation;
}

}  // namespace
}  // namespace densor::cpu
