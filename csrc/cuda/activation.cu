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
void run(const Queue& queue, const Phase& phase, const std::vector<Span>& reads, const Span& writes) {
  const dim3 blocks = blocks_for(phase.n);
  if (queue.phases != nullptr) return note_phase(queue, phase, blocks, kThreads, reads, {writes});
  math::with_activation(phase.activation, [&](auto f) {
    launch(queue, activation_kernel<Phase, decltype(f)>, blocks, kThreads, 0, phase);
  });
}

template <class T>
void forward(const Queue& queue, T* y, const T* x, std::int64_t n, Activation activation, float alpha) {
  run(queue, ActivationForward<T>{y, x, n, alpha, activation, queue.batch}, {span(x, n), span(queue.batch)},
      span(y, n));
}

template <class T>
void backward(const Queue& queue, T* dz, const T* dy, const T* saved, std::int64_t n, Activation activation,
              float alpha) {
  run(queue, ActivationBackward<T>{dz, dy, saved, n, alpha, activation}, {span(dy, n), span(saved, n)},
      span(dz, n));
}

}  // namespace

void fill_activation(Launchers& table) {
  table.activation_forward = forward<float>;
  table.activation_backward = backward<float>;
  table.activation_forward_of_halves = forward<Half>;
  table.activation_backward_of_halves = backward<Half>;
}

}  // namespace densor::cuda
