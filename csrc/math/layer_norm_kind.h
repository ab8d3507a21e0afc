// The normalizations of a row, by name.
#pragma once

namespace densor::math {

// layer: (x - mean) / sqrt(variance + epsilon). rms: x / sqrt(mean of x^2 + epsilon).
// unit: x / max(sqrt(sum of x^2), epsilon).
enum class LayerNormKind { layer, rms, unit };

inline constexpr int kLayerNormKinds = 3;

constexpr const char* layer_norm_name(LayerNormKind kind) {
  constexpr const char* names[kLayerNormKinds] = {"layer", "rms", "unit"};
  return names[static_cast<int>(kind)];
}

}  // namespace densor::math
