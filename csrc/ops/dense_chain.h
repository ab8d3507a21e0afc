#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/step.h"
#include "core/view.h"
#include "math/activation_kind.h"
#include "math/dropout.h"

namespace densor::ops {

// The widest layer, and the longest run of them, that one kernel takes.
std::int64_t dense_chain_width();
int dense_chain_layers();
// How a batch of so many rows is cut: "tiles of 16 rows, 4 parts of 16".
std::string dense_chain_plan(std::int64_t rows);

// Whether programs for a device that are made from now on have such runs: for tests and measurements.
bool device_chains();
void set_device_chains(bool wanted);

// A layer of a run: y = activation(x w + bias), and behind it, where there is a mask, dropout with that mask,
// which is the x of the next one.
struct ChainedLayer {
  View w, bias;    // (inputs, units), (units,) or absent
  View y, z;       // (rows, units); z = x w + bias, where saves_input(activation)
  View dw, dbias;  // gradients, or absent
  View mask;       // uint16 (rows, ceil(units / 16)) or absent
  math::Activation activation = math::Activation::linear;
  double alpha = 0.0, rate = 0.0;
  math::DropoutKind kind = math::DropoutKind::inverted;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

// One kernel on a device that takes every block of rows through all layers, of at most dense_chain_width()
// inputs and units, by multiply-adds in float32: each element is one chain in ascending order of its terms,
// whatever the number of rows. The y and z of all layers but the last y may be absent: they are not written.
Step dense_chain_forward(const std::vector<ChainedLayer>& layers, const View& x);

// The way back: dx, unless absent, and the dw and dbias that are present, overwritten. Reads of each layer
// the z where saves_input(activation), else the y unless it is linear, and what the next layer's dw needs.
Step dense_chain_backward(const View& dx, const std::vector<ChainedLayer>& layers, const View& dy,
                          const View& x);

}  // namespace densor::ops
