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
  fill_optimizer(table);
  return table;
}

}  // namespace densor::cuda
