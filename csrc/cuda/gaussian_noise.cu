// y = x + noise or x (1 + noise), normal; 8 bytes an element.
#include "cuda/device/noise.cuh"

#include "cuda/table.h"
#include "math/random.h"

namespace densor::cuda {

namespace {

__global__ void gaussian_noise_kernel(float* y, const float* x, std::int64_t rows, std::int64_t cols,
                                      const Batch* batch, Noise noise, float stddev, bool multiplies) {
  each_noise_word(rows, cols, noise, batch->step, [=](std::int64_t i, std::int64_t j, std::uint32_t word) {
    const float z = math::normal_from(word) * stddev, from = x[i * cols + j];
    y[i * cols + j] = multiplies ? math::fma(from, z, from) : from + z;
  });
}

void gaussian_noise(const Queue& queue, float* y, const float* x, std::int64_t rows, std::int64_t cols,
                    const Noise& noise, float stddev, bool multiplies) {
  launch(queue, gaussian_noise_kernel, blocks_for_noise_words(rows, cols), kThreads, 0, y, x, rows, cols,
         queue.batch, noise, stddev, multiplies);
}

}  // namespace

void fill_gaussian_noise(Launchers& table) { table.gaussian_noise = gaussian_noise; }

}  // namespace densor::cuda
