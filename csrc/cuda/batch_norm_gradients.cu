// Gradients of batch normalization: phases/batch_norm_gradients.cuh. 20 bytes an element, 28 with an
// activation, 20 and two bits where dropout has left a mask of both; by given statistics 12 (16); of bfloat16
// numbers half of that.
#include "cuda/phases/batch_norm_gradients.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

// Where the batch has normalized: what all passes read, and what they write.
template <class T>
struct Backward {
  BatchNormArrays<T> a;
  float *dgamma, *dbeta;
  const float *mean, *variance;
  BatchNorm p;

  std::vector<Span> reads(const Queue& queue) const {
    const std::int64_t n = p.rows * p.cols;
    return {span(a.dy, n),         span(a.x, n),
            span(a.y, n),          span(a.passed.mask, p.rows * math::mask_words(p.cols)),
            span(mean, p.cols),    span(variance, p.cols),
            span(p.gamma, p.cols), span(queue.batch)};
  }
  Span dx() const { return span(a.dx, p.rows * p.cols); }

  template <class A>
  void in_one_part(const Queue& queue, const A& activation) const {
    launch_phase(queue, BatchNormBackward<T, A>{activation, a, dgamma, dbeta, mean, variance, p, queue.batch},
                 WideTile<T>::blocks(a.pairs, p.cols, 1), tile_threads(), reads(queue),
                 {dx(), span(dgamma, p.cols), span(dbeta, p.cols)});
  }
  template <class A>
  void in_parts(const Queue& queue, const A& activation) const {
    const std::int64_t parts = column_parts(p.rows), some = passes(p.rows), cols = p.cols;
    float *factors = queue.scratch, *part_sums = factors + 3 * cols;
    const Span all_parts = span(part_sums, 3 * parts * cols), all_factors = span(factors, 3 * cols);
    launch_phase(queue, BatchNormSums<false, T, A>{activation, part_sums, a, mean, variance, p, queue.batch},
                 WideTile<T>::blocks(a.pairs, cols, parts), tile_threads(), reads(queue), {all_parts});
    launch_phase(queue, BatchNormFactors{dgamma, dbeta, factors, part_sums, variance, parts, p, queue.batch},
                 blocks_for(cols), kThreads,
                 {all_parts, span(variance, cols), span(p.gamma, cols), span(queue.batch)},
                 {all_factors, span(dgamma, cols), span(dbeta, cols)});
    if (a.dx == nullptr) return;
    std::vector<Span> read = reads(queue);
    read.push_back(all_factors);
    launch_phase(queue,
                 BatchNormInputGradient<T, A>{activation, a, mean, factors, divide_up(p.rows, some), p},
                 WideTile<T>::blocks(a.pairs, cols, some), tile_threads(), read, {dx()});
  }
};

template <class T>
void backward(const Queue& queue, T* dx, float* dgamma, float* dbeta, const T* dy, const T* x, const T* y,
              const float* mean, const float* variance, const BatchNorm& p, const PassedGradient& passed) {
  if (p.cols == 0) return;
  Backward<T> pass{
      {dx, dy, x, y, passed, lie_in_pairs(p.cols, dx, dy, x, y)}, dgamma, dbeta, mean, variance, p};
  // The one version that phases have reads something there.
  if (queue.phases != nullptr && p.activation == math::Activation::linear) pass.a.y = x;
  const auto run = [&](auto activation) {
    if (column_parts(p.rows) == 1)
      pass.in_one_part(queue, activation);
    else
      pass.in_parts(queue, activation);
  };
  if (passed.mask != nullptr)
    run(Masked{});
  else
    with_activation_of(queue, p.activation, run);
}

__global__ void inference_parameters_kernel(float* dgamma, float* dbeta, const float* part_sums,
                                            const float* variance, std::int64_t parts, BatchNorm p) {
  for (std::int64_t j = first_item(); j < p.cols; j += item_stride()) {
    const auto sums = all_sums(part_sums, parts, j, p.cols);
    if (dgamma != nullptr) dgamma[j] = math::inverse_deviation(variance[j], p.epsilon) * sums.dz_u;
    if (dbeta != nullptr) dbeta[j] = sums.dz;
  }
}

template <class T>
void inference_backward(const Queue& queue, T* dx, float* dgamma, float* dbeta, const T* dy, const T* x,
                        const T* y, const float* mean, const float* variance, const BatchNorm& p) {
  if (p.cols == 0) return;
  const BatchNormArrays<T> a{dx, dy, x, y, {}, lie_in_pairs(p.cols, dx, dy, x, y)};
  const std::int64_t parts = column_parts(p.rows);
  with_chosen_activation(p.activation, [&](auto activation) {
    launch_phase(queue,
                 BatchNormSums<true, T, decltype(activation)>{activation, queue.scratch, a, mean, variance, p,
                                                              queue.batch},
                 WideTile<T>::blocks(a.pairs, p.cols, parts), tile_threads(), {}, {});
  });
  if (dgamma == nullptr && dbeta == nullptr) return;
  launch(queue, inference_parameters_kernel, blocks_for(p.cols), kThreads, 0, dgamma, dbeta, queue.scratch,
         variance, parts, p);
}

}  // namespace

void fill_batch_norm_gradients(Launchers& table) {
  table.batch_norm.backward = backward<float>;
  table.batch_norm.inference_backward = inference_backward<float>;
  table.batch_norm_of_halves.backward = backward<Half>;
  table.batch_norm_of_halves.inference_backward = inference_backward<Half>;
}

}  // namespace densor::cuda
