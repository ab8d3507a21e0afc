// Everything that the module binds: one function per stem.
#pragma once

#include <pybind11/pybind11.h>

namespace densor::bindings {

namespace py = pybind11;

void bind_errors(py::module_& m);
void bind_config(py::module_& m);
void bind_program(py::module_& m);
void bind_device_array(py::module_& m);
void bind_device_pool(py::module_& m);

void bind_accumulate(py::module_& m);
void bind_accuracy(py::module_& m);
void bind_activation(py::module_& m);
void bind_add(py::module_& m);
void bind_batch_norm(py::module_& m);
void bind_dropout(py::module_& m);
void bind_cast(py::module_& m);
void bind_circle_loss(py::module_& m);
void bind_column_sum(py::module_& m);
void bind_concatenate(py::module_& m);
void bind_count_nonfinite(py::module_& m);
void bind_dense(py::module_& m);
void bind_dense_chain(py::module_& m);
void bind_expression(py::module_& m);
void bind_gather(py::module_& m);
void bind_gaussian_noise(py::module_& m);
void bind_image_blur(py::module_& m);
void bind_image_color(py::module_& m);
void bind_image_warp(py::module_& m);
void bind_label_range(py::module_& m);
void bind_layer_norm(py::module_& m);
void bind_mean_absolute_error(py::module_& m);
void bind_mean_squared_error(py::module_& m);
void bind_monte_carlo(py::module_& m);
void bind_norm_constraint(py::module_& m);
void bind_optimizer(py::module_& m);
void bind_penalty(py::module_& m);
void bind_philox(py::module_& m);
void bind_random(py::module_& m);
void bind_rescale(py::module_& m);
void bind_softmax(py::module_& m);
void bind_sigmoid_cross_entropy(py::module_& m);
void bind_softmax_cross_entropy(py::module_& m);
void bind_sparsemax(py::module_& m);
void bind_spectral_norm(py::module_& m);
void bind_standardize(py::module_& m);
void bind_transpose(py::module_& m);

}  // namespace densor::bindings
