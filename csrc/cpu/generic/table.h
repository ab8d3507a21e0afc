// Fills a target's table with the kernel bodies compiled for it. Included once by each target file, after its
// Vec.
#pragma once

#include "cpu/generic/accumulate.h"
#include "cpu/generic/accuracy.h"
#include "cpu/generic/batch_norm.h"
#include "cpu/generic/cast.h"
#include "cpu/generic/circle_loss.h"
#include "cpu/generic/column_sum.h"
#include "cpu/generic/concatenate.h"
#include "cpu/generic/count_nonfinite.h"
#include "cpu/generic/expression.h"
#include "cpu/generic/gather.h"
#include "cpu/generic/gaussian_noise.h"
#include "cpu/generic/gram_norm.h"
#include "cpu/generic/image_blur.h"
#include "cpu/generic/image_color.h"
#include "cpu/generic/image_warp.h"
#include "cpu/generic/mean_absolute_error.h"
#include "cpu/generic/mean_squared_error.h"
#include "cpu/generic/monte_carlo.h"
#include "cpu/generic/norm_constraint.h"
#include "cpu/generic/optimizer.h"
#include "cpu/generic/optimizer_preparation.h"
#include "cpu/generic/penalty.h"
#include "cpu/generic/random.h"
#include "cpu/generic/rescale.h"
#include "cpu/generic/sigmoid_cross_entropy.h"
#include "cpu/generic/softmax_cross_entropy.h"
#include "cpu/generic/sparsemax.h"
#include "cpu/generic/spectral_norm.h"
#include "cpu/generic/standardize.h"
#include "cpu/generic/stored_table.h"
#include "cpu/generic/stream.h"
#include "cpu/generic/transpose.h"
#include "cpu/kernels.h"

namespace densor::cpu {
namespace {

Kernels make_table(const char* name, const GemmKernels& gemm, const StoredKernels<std::uint16_t>& halves) {
  Kernels k{};
  k.name = name;
  k.gemm = gemm;
  k.floats = make_stored_table<float>();
  k.halves = halves;
  fill_accumulate(k);
  fill_accuracy(k);
  fill_batch_norm_update(k);
  fill_cast(k);
  fill_circle_loss(k);
  fill_column_sum(k);
  fill_concatenate(k);
  fill_count_nonfinite(k);
  fill_expression(k);
  fill_gather(k);
  fill_gaussian_noise(k);
  fill_gram_norm(k);
  fill_image_blur(k);
  fill_image_color(k);
  fill_image_warp(k);
  fill_mean_absolute_error(k);
  fill_mean_squared_error(k);
  fill_monte_carlo(k);
  fill_norm_constraint(k);
  fill_optimizer(k);
  fill_optimizer_preparation(k);
  fill_penalty(k);
  fill_random_kernels(k);
  fill_rescale(k);
  fill_sigmoid_cross_entropy(k);
  fill_softmax_cross_entropy(k);
  fill_sparsemax(k);
  fill_spectral_norm(k);
  fill_standardize(k);
  fill_stream(k);
  fill_transpose(k);
  return k;
}

}  // namespace
}  // namespace densor::cpu
