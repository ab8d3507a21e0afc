// Random fills and permutations, the numbers of the CPU (cpu/generic/random.h): element 64 b + 16 w + l is
// word w of the Philox counter (16 b + l, its high bits, fill or permutation, stream). Writes 4 bytes an
// element.
#include "cuda/device/noise.cuh"

#include "cuda/table.h"
#include "math/random.h"

namespace densor::cuda {

namespace {

constexpr std::int64_t kBlockWords = 64;

__device__ __forceinline__ NoiseWords words_of(std::int64_t counter, std::uint32_t what, const Noise& noise) {
  const auto c = static_cast<std::uint64_t>(counter);
  return math::philox<std::uint32_t>(
      {{static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(c >> 32), what, noise.stream}}, noise.key);
}

struct Uniform {
  float low, range, highest;
  __device__ float operator()(std::uint32_t word) const {
    return math::min(math::fma(math::uniform_from(word), range, low), highest);
  }
};

struct Normal {
  float mean, stddev;
  __device__ float operator()(std::uint32_t word) const {
    return math::fma(math::normal_from(word), stddev, mean);
  }
};

struct TruncatedNormal {
  float mean, stddev;
  __device__ float operator()(std::uint32_t word) const {
    return math::fma(math::truncated_normal_from(word), stddev, mean);
  }
};

template <class F>
__global__ void fill_kernel(float* out, std::int64_t n, Noise noise, F f) {
  const std::int64_t counters = divide_up(n, kBlockWords) * kNoiseLanes;
  for (std::int64_t counter = first_item(); counter < counters; counter += item_stride()) {
    const NoiseWords words = words_of(counter, math::kFillNoise, noise);
    const std::int64_t first = counter / kNoiseLanes * kBlockWords + counter % kNoiseLanes;
#pragma unroll
    for (int w = 0; w < 4; ++w)
      if (first + w * kNoiseLanes < n) out[first + w * kNoiseLanes] = f(words.word[w]);
  }
}

template <class F>
void fill(const Queue& queue, float* out, std::int64_t n, const Noise& noise, F f) {
  launch(queue, fill_kernel<F>, blocks_for_noise_words(1, n), kThreads, 0, out, n, noise, f);
}

void uniform(const Queue& queue, float* out, std::int64_t n, const Noise& noise, float low, float range,
             float highest) {
  fill(queue, out, n, noise, Uniform{low, range, highest});
}

void normal(const Queue& queue, float* out, std::int64_t n, const Noise& noise, float mean, float stddev) {
  fill(queue, out, n, noise, Normal{mean, stddev});
}

void truncated_normal(const Queue& queue, float* out, std::int64_t n, const Noise& noise, float mean,
                      float stddev) {
  fill(queue, out, n, noise, TruncatedNormal{mean, stddev});
}

__global__ void rows_kernel(float* out, const float* low, const float* high, std::int64_t rows,
                            std::int64_t cols, const Batch* batch, Noise noise) {
  each_noise_word(rows, cols, noise, batch->step, [=](std::int64_t i, std::int64_t j, std::uint32_t word) {
    const float from = low[j], to = high[j];
    out[i * cols + j] = from == to ? from : math::fma(math::uniform_from(word), to - from, from);
  });
}

void rows(const Queue& queue, float* out, const float* low, const float* high, std::int64_t rows,
          std::int64_t cols, const Noise& noise) {
  launch(queue, rows_kernel, blocks_for_noise_words(rows, cols), kThreads, 0, out, low, high, rows, cols,
         queue.batch, noise);
}

// Fisher-Yates, building the permutation from the front: each exchange depends on those before it, so one
// thread of a warp makes them, from words that sixteen have drawn.
__global__ void permutation_kernel(std::int64_t* out, std::int64_t n, Noise noise) {
  DENSOR_SHARED(std::uint32_t[kBlockWords], words);
  const int lane = lane_index();
  std::int64_t i = 0;
  for (std::int64_t block = 0; i < n; ++block) {
    if (lane < kNoiseLanes) {
      const NoiseWords drawn = words_of(block * kNoiseLanes + lane, math::kPermutationNoise, noise);
      for (int w = 0; w < 4; ++w) words[w * kNoiseLanes + lane] = drawn.word[w];
    }
    __syncwarp();
    for (int w = 0; lane == 0 && w < kBlockWords && i < n; ++w) {
      // Uniform in [0, bound): the high half of word * bound, redrawn where that would favour some values.
      const auto bound = static_cast<std::uint32_t>(i + 1);
      const std::uint64_t product = static_cast<std::uint64_t>(words[w]) * bound;
      const auto low = static_cast<std::uint32_t>(product);
      if (low < bound && low < (0u - bound) % bound) continue;
      const auto j = static_cast<std::int64_t>(product >> 32);
      out[i] = out[j];
      out[j] = i;
      ++i;
    }
    i = __shfl_sync(0xffffffffu, i, 0);
    __syncwarp();  // the next words take the place of those that have been read
  }
}

void permutation(const Queue& queue, std::int64_t* out, std::int64_t n, const Noise& noise) {
  launch(queue, permutation_kernel, 1, kWarpSize, 0, out, n, noise);
}

}  // namespace

void fill_random(Launchers& table) {
  table.random_uniform = uniform;
  table.random_normal = normal;
  table.random_truncated_normal = truncated_normal;
  table.random_rows = rows;
  table.permutation = permutation;
}

}  // namespace densor::cuda
