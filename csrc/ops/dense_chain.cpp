#include "ops/dense_chain.h"

#include <atomic>
#include <cmath>
#include <utility>

#include "core/check.h"
#include "cuda/dense_chain.h"
#include "math/operands.h"
#include "ops/activation.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

std::int64_t dense_chain_width() { return cuda::kChainWidth; }
int dense_chain_layers() { return cuda::kChainLayers; }

std::string dense_chain_plan(std::int64_t rows) {
  const std::int64_t parts = cuda::chain_parts(rows);
  return "tiles of " + std::to_string(cuda::chain_tile_rows(rows)) + " rows, " + std::to_string(parts) +
         (parts == 1 ? " part of " : " parts of ") + std::to_string(cuda::chain_part_rows(rows));
}

namespace {

std::atomic<bool> chains_wanted{true};

}  // namespace

bool device_chains() { return chains_wanted.load(std::memory_order_relaxed); }
void set_device_chains(bool wanted) { chains_wanted.store(wanted, std::memory_order_relaxed); }

namespace {

using Layers = std::vector<ChainedLayer>;

// "w[2]": an argument is a list with an entry for each layer.
std::string entry(const char* argument, std::size_t i) {
  return std::string(argument) + "[" + std::to_string(i) + "]";
}

// What both directions check of the run.
void check_layers(const Check& check, const Layers& layers, const View& x) {
  check.matrix("x", x);
  if (layers.empty() || layers.size() > static_cast<std::size_t>(cuda::kChainLayers))
    check.fail("w", "has " + std::to_string(layers.size()) + " layers, expected 1 to " +
                        std::to_string(cuda::kChainLayers));
  if (x.cols() < 1 || x.cols() > cuda::kChainWidth)
    check.fail("x", "has " + std::to_string(x.cols()) + " columns, expected 1 to " +
                        std::to_string(cuda::kChainWidth));
  std::int64_t inputs = x.cols();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const ChainedLayer& layer = layers[i];
    check.input(entry("w", i).c_str(), layer.w, DType::f32, {inputs, kAny});
    const std::int64_t units = layer.w.cols();
    if (units < 1 || units > cuda::kChainWidth)
      check.fail(entry("w", i).c_str(), "has " + std::to_string(units) + " columns, expected 1 to " +
                                            std::to_string(cuda::kChainWidth));
    check.optional_input(entry("bias", i).c_str(), layer.bias, DType::f32, {units});
    check_alpha(check.function(), layer.activation, layer.alpha);
    check.number(entry("rate", i).c_str(), layer.rate, 0.0, 1.0, true);
    if (i + 1 == layers.size() && layer.mask)
      check.fail(entry("mask", i).c_str(),
                 "dropout stands between two layers; there is none behind this one");
    inputs = units;
  }
}

// The views of an op by their names, to be compared with one another.
struct Named {
  std::vector<std::pair<std::string, View>> outputs, inputs;

  void out(const char* argument, std::size_t i, const View& view) {
    outputs.emplace_back(entry(argument, i), view);
  }
  void in(const char* argument, std::size_t i, const View& view) {
    inputs.emplace_back(entry(argument, i), view);
  }

  void check_disjoint(const Check& check) const {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) disjoint(check, outputs[i], outputs[j]);
      for (const auto& input : inputs) disjoint(check, outputs[i], input);
    }
  }
  bool on_device(const Check& check) const {
    std::vector<NamedView> all;
    for (const auto* views : {&outputs, &inputs})
      for (const auto& [name, view] : *views) all.push_back({name.c_str(), view});
    return ops::on_device(check, all);
  }

 private:
  static void disjoint(const Check& check, const std::pair<std::string, View>& a,
                       const std::pair<std::string, View>& b) {
    if (a.second && b.second) check.disjoint(a.first.c_str(), a.second, b.first.c_str(), b.second);
  }
};

// What the kernels see; `first` of each layer and the gradients of all in floats.
cuda::DenseChain chain_of(const Layers& layers, const View& x, std::int64_t& gradients) {
  cuda::DenseChain chain{};
  chain.count = static_cast<int>(layers.size());
  chain.rows = x.rows();
  chain.x = x.f32();
  gradients = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const ChainedLayer& from = layers[i];
    cuda::ChainLayer& to = chain.layer[i];
    to.w = from.w.f32(), to.bias = from.bias.f32();
    to.y = from.y.f32(), to.z = from.z.f32();
    to.dw = from.dw.f32(), to.dbias = from.dbias.f32();
    to.mask = from.mask.as<std::uint16_t>();
    to.seed = from.seed, to.stream = from.stream;
    to.threshold = static_cast<std::uint32_t>(std::nearbyint(from.rate * 65536.0));
    to.map = math::dropout_map(from.kind, from.rate);
    to.inputs = static_cast<int>(from.w.rows()), to.units = static_cast<int>(from.w.cols());
    to.activation = from.activation, to.alpha = static_cast<float>(from.alpha);
    to.first = static_cast<std::int32_t>(gradients);
    gradients += cuda::chain_gradients(to.inputs, to.units);
  }
  return chain;
}

void require_device_arrays(const Check& check, const Named& views) {
  if (!views.on_device(check))
    throw Error(ErrorKind::device, check.function(), "x",
                "is on the cpu, where layers run one by one; call dense_" +
                    std::string(check.function()).substr(std::string("dense_chain_").size()));
}

}  // namespace

Step dense_chain_forward(const Layers& layers, const View& x) {
  const Check check("dense_chain_forward");
  check_layers(check, layers, x);
  Named views;
  views.inputs.emplace_back("x", x);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const ChainedLayer& layer = layers[i];
    const std::int64_t rows = x.rows(), units = layer.w.cols();
    const auto output = i + 1 == layers.size() ? &Check::output : &Check::optional_output;
    (check.*output)(entry("y", i).c_str(), layer.y, DType::f32, {rows, units});
    check.optional_output(entry("z", i).c_str(), layer.z, DType::f32, {rows, units});
    check.optional_output(entry("mask", i).c_str(), layer.mask, DType::u16, {rows, math::mask_words(units)});
    views.out("y", i, layer.y), views.out("z", i, layer.z), views.out("mask", i, layer.mask);
    views.in("w", i, layer.w), views.in("bias", i, layer.bias);
  }
  views.check_disjoint(check);
  require_device_arrays(check, views);
  std::int64_t gradients = 0;
  return masking_step(check, cuda::launchers().dense_chain_forward, chain_of(layers, x, gradients));
}

namespace {

// The first layer that the way back comes to.
std::size_t lowest_layer(const View& dx, const Layers& layers) {
  std::size_t lowest = 0;
  while (!dx && lowest < layers.size() && !layers[lowest].dw && !layers[lowest].dbias) ++lowest;
  return lowest;
}

// Which of its arrays the way back through layer i reads.
void check_saved(const Check& check, const Layers& layers, std::size_t i, bool passed, std::int64_t rows) {
  const ChainedLayer& layer = layers[i];
  const std::int64_t units = layer.w.cols();
  const bool by_input = math::saves_input(layer.activation);
  const bool by_output = layer.activation != math::Activation::linear && !by_input;
  const bool next_reads = i + 1 < layers.size() && layers[i + 1].dw;
  const auto y = next_reads || (passed && by_output) ? &Check::input : &Check::optional_input;
  const auto z = passed && by_input ? &Check::input : &Check::optional_input;
  (check.*y)(entry("y", i).c_str(), layer.y, DType::f32, {rows, units});
  (check.*z)(entry("z", i).c_str(), layer.z, DType::f32, {rows, units});
  check.optional_input(entry("mask", i).c_str(), layer.mask, DType::u16, {rows, math::mask_words(units)});
}

}  // namespace

Step dense_chain_backward(const View& dx, const Layers& layers, const View& dy, const View& x) {
  const Check check("dense_chain_backward");
  check_layers(check, layers, x);
  const std::int64_t rows = x.rows();
  const std::size_t lowest = lowest_layer(dx, layers);
  check.input("dy", dy, DType::f32, {rows, layers.back().w.cols()});
  check.optional_output("dx", dx, DType::f32, {rows, x.cols()});
  Named views;
  views.outputs.emplace_back("dx", dx);
  views.inputs.insert(views.inputs.end(), {{"dy", dy}, {"x", x}});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const ChainedLayer& layer = layers[i];
    check_saved(check, layers, i, i >= lowest, rows);
    check.optional_output(entry("dw", i).c_str(), layer.dw, DType::f32, {layer.w.rows(), layer.w.cols()});
    check.optional_output(entry("dbias", i).c_str(), layer.dbias, DType::f32, {layer.w.cols()});
    views.out("dw", i, layer.dw), views.out("dbias", i, layer.dbias);
    views.in("w", i, layer.w), views.in("y", i, layer.y), views.in("z", i, layer.z);
    views.in("mask", i, layer.mask);
  }
  views.check_disjoint(check);
  require_device_arrays(check, views);
  std::int64_t gradients = 0;
  cuda::DenseChain chain = chain_of(layers, x, gradients);
  chain.dy = dy.f32(), chain.dx = dx.f32();
  chain.lowest = static_cast<int>(lowest);
  Step step = masking_step(check, cuda::launchers().dense_chain_backward, chain, gradients);
  const std::int64_t parts = cuda::most_chain_parts(rows);
  if (parts > 1) step.scratch = parts * gradients;
  return step;
}

}  // namespace densor::ops
