// The list of the stems that have kernels: to add one, a line in each half.
#pragma once

#include "cuda/launchers.h"

namespace densor::cuda {

void fill_batch(Launchers& table);
void fill_add(Launchers& table);
void fill_rescale(Launchers& table);
void fill_activation(Launchers& table);
void fill_column_sum(Launchers& table);
void fill_softmax(Launchers& table);
void fill_gemm_mma(Launchers& table);
void fill_gemm_simt(Launchers& table);
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
void fill_image_warp(Launchers& table);
void fill_image_color(Launchers& table);
void fill_image_blur(Launchers& table);
void fill_optimizer(Launchers& table);

inline Launchers make_launchers() {
  Launchers table{};
  fill_batch(table);
  fill_add(table);
  fill_rescale(table);
  fill_activation(table);
  fill_column_sum(table);
  fill_softmax(table);
  fill_gemm_mma(table);
  fill_gemm_simt(table);
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
  fill_image_warp(table);
  fill_image_color(table);
  fill_image_blur(table);
  fill_optimizer(table);
  return table;
}

}  // namespace densor::cuda
