// The kernels that arrays of float32 and of bfloat16 have in common.
#pragma once

#include "cpu/generic/activation.h"
#include "cpu/generic/add.h"
#include "cpu/generic/batch_norm.h"
#include "cpu/generic/batch_norm_gradients.h"
#include "cpu/generic/dropout.h"
#include "cpu/generic/layer_norm.h"
#include "cpu/generic/softmax.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

template <class T>
StoredKernels<T> make_stored_table() {
  StoredKernels<T> k{};
  fill_activation(k);
  fill_add(k);
  fill_batch_norm(k);
  fill_batch_norm_gradients(k);
  fill_dropout(k);
  fill_layer_norm(k);
  fill_softmax(k);
  return k;
}

}  // namespace
}  // namespace densor::cpu
