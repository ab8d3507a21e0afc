// The list of the stems that have kernels: to add one, a line in each half.
#pragma once

#include "cuda/launchers.h"

namespace densor::cuda {

void fill_batch(Launchers& table);
void fill_persistent(Launchers& table);
void fill_add(Launchers& table);
void fill_rescale(Launchers& table);
void fill_activation(Launchers& table);
void fill_column_sum(Launchers& table);
void fill_softmax(Launchers& table);
void fill_mean_squared_error(Launchers& table);
void fill_mean_absolute_error(Launchers& table);
void fill_sigmoid_cross_entropy(Launchers& table);
void fill_softmax_cross_entropy(Launchers& table);
void fill_accuracy(Launchers& table);
void fill_accumulate(Launchers& table);
void fill_batch_norm(Launchers& table);
void fill_batch_norm_gradients(Launchers& table);
void fill_layer_norm(Launchers& table);
void fill_penalty(Launchers& table);
void fill_norm_constraint(Launchers& table);
void fill_spectral_norm(Launchers& table);
void fill_sparsemax(Launchers& table);
void fill_cast(Launchers& table);
void fill_circle_loss(Launchers& table);
void fill_gemm_mma(Launchers& table);
void fill_gemm_tf32(Launchers& table);
void fill_gemm_wgmma(Launchers& table);
void fill_gemm_simt(Launchers& table);
void fill_gemm_parts(Launchers& table);
void fill_dense_chain(Launchers& table);
void fill_gather(Launchers& table);
void fill_concatenate(Launchers& table);
void fill_transpose(Launchers& table);
void fill_standardize(Launchers& table);
void fill_expression(Launchers& table);
void fill_dropout(Launchers& table);
void fill_gaussian_noise(Launchers& table);
void fill_random(Launchers& table);
void fill_monte_carlo(Launchers& table);
void fill_count_nonfinite(Launchers& table);
void fill_label_range(Launchers& table);
void fill_image_warp(Launchers& table);
void fill_image_color(Launchers& table);
void fill_image_blur(Launchers& table);
void fill_optimizer(Launchers& table);
void fill_optimizer_preparation(Launchers& table);

inline Launchers make_launchers() {
  Launchers table{};
  fill_batch(table);
  fill_persistent(table);
  fill_add(table);
  fill_rescale(table);
  fill_activation(table);
  fill_column_sum(table);
  fill_softmax(table);
  fill_mean_squared_error(table);
  fill_mean_absolute_error(table);
  fill_sigmoid_cross_entropy(table);
  fill_softmax_cross_entropy(table);
  fill_accuracy(table);
  fill_accumulate(table);
  fill_batch_norm(table);
  fill_batch_norm_gradients(table);
  fill_layer_norm(table);
  fill_penalty(table);
  fill_norm_constraint(table);
  fill_spectral_norm(table);
  fill_sparsemax(table);
  fill_cast(table);
  fill_circle_loss(table);
  fill_gemm_mma(table);
  fill_gemm_tf32(table);
  fill_gemm_wgmma(table);
  fill_gemm_simt(table);
  fill_gemm_parts(table);
  fill_dense_chain(table);
  fill_gather(table);
  fill_concatenate(table);
  fill_transpose(table);
  fill_standardize(table);
  fill_expression(table);
  fill_dropout(table);
  fill_gaussian_noise(table);
  fill_random(table);
  fill_monte_carlo(table);
  fill_count_nonfinite(table);
  fill_label_range(table);
  fill_image_warp(table);
  fill_image_color(table);
  fill_image_blur(table);
  fill_optimizer(table);
  fill_optimizer_preparation(table);
  return table;
}

}  // namespace densor::cuda
