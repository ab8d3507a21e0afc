// Activations on their own: phases/activation.cuh, compiled for each of them.
#include "cuda/phases/activation.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

using math::Activation;

template <class Phase, class F>
__global__ void activation_kernel(Phase phase) {
  phase.template run<F>(launched());
}

template <class Phase>
void run(const Queue& queue, const Phase& phase, std::initializer_list<Span> reads, const Span& writes) {
  const dim3 blocks = blocks_for(phase.n);
  if (queue.phases != nullptr) return note_phase(queue, phase, blocks, kThreads, reads, {writes});
  math::with_activation(phase.activation, [&](auto f) {
    launch(queue, activation_kernel<Phase, decltype(f)>, blocks, kThreads, 0, phase);
  });
}

void forward(const Queue& queue, float* y, const float* x, std::int64_t n, Activation activation,
             float alpha) {
  run(queue, ActivationForward{y, x, n, alpha, activation, queue.batch}, {span(x, n), span(queue.batch)},
      span(y, n));
}

void backward(const Queue& queue, float* dz, const float* dy, const float* saved, std::int64_t n,
              Activation activation, float alpha) {
  run(queue, ActivationBackward{dz, dy, saved, n, alpha, activation}, {span(dy, n), span(saved, n)},
      span(dz, n));
}

}  // namespace

void fill_activation(Launchers& table) {
  table.activation_forward = forward;
  table.activation_backward = backward;
}

}  // namespace densor::cuda
