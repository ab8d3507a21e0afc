#include "bindings/list.h"

PYBIND11_MODULE(_core, m) {
  using namespace densor::bindings;
  m.doc() = "Densor's native kernels. Every op factory checks its arguments and returns a Step.";
  bind_errors(m);
  bind_config(m);
  bind_program(m);
  bind_device_array(m);
  bind_device_pool(m);
  bind_accumulate(m);
  bind_accuracy(m);
  bind_activation(m);
  bind_add(m);
  bind_batch_norm(m);
  bind_cast(m);
  bind_circle_loss(m);
  bind_column_sum(m);
  bind_concatenate(m);
  bind_count_nonfinite(m);
  bind_dense(m);
  bind_dense_chain(m);
  bind_dropout(m);
  bind_expression(m);
  bind_gather(m);
  bind_gaussian_noise(m);
  bind_image_blur(m);
  bind_image_color(m);
  bind_image_warp(m);
  bind_label_range(m);
  bind_layer_norm(m);
  bind_mean_absolute_error(m);
  bind_mean_squared_error(m);
  bind_monte_carlo(m);
  bind_norm_constraint(m);
  bind_optimizer(m);
  bind_penalty(m);
  bind_philox(m);
  bind_random(m);
  bind_rescale(m);
  bind_softmax(m);
  bind_sigmoid_cross_entropy(m);
  bind_softmax_cross_entropy(m);
  bind_sparsemax(m);
  bind_spectral_norm(m);
  bind_standardize(m);
  bind_transpose(m);
}
