// y = activation(x) and dz = dy activation'(saved); 8 and 12 bytes an element. `saved` is the input where
// saves_input(activation), else the output.
#include "cuda/device/scalar.cuh"

#include "cuda/device/grid.cuh"
#include "cuda/device/refused.cuh"
#include "cuda/table.h"
#include "math/activation.h"

namespace densor::cuda {

namespace {

using math::Activation;

template <class F>
__global__ void forward_kernel(float* y, const float* x, std::int64_t n, float alpha, const Batch* batch) {
  if (y == x && refused(batch)) return;  // a constraint of weights
  for (std::int64_t i = first_item(); i < n; i += item_stride()) y[i] = F::value(x[i], alpha);
}

template <class F>
__global__ void backward_kernel(float* dz, const float* dy, const float* saved, std::int64_t n, float alpha) {
  for (std::int64_t i = first_item(); i < n; i += item_stride())
    dz[i] = dy[i] * F::derivative(saved[i], alpha);
}

void forward(const Queue& queue, float* y, const float* x, std::int64_t n, Activation activation,
             float alpha) {
  math::with_activation(activation, [&](auto f) {
    launch(queue, forward_kernel<decltype(f)>, blocks_for(n), kThreads, 0, y, x, n, alpha, queue.batch);
  });
}

void backward(const Queue& queue, float* dz, const float* dy, const float* saved, std::int64_t n,
              Activation activation, float alpha) {
  math::with_activation(activation, [&](auto f) {
    launch(queue, backward_kernel<decltype(f)>, blocks_for(n), kThreads, 0, dz, dy, saved, n, alpha);
  });
}

}  // namespace

void fill_activation(Launchers& table) {
  table.activation_forward = forward;
  table.activation_backward = backward;
}

}  // namespace densor::cuda
