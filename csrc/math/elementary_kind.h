// The elementary functions, by name.
#pragma once

namespace densor::math {

enum class Elementary { exp, expm1, log, log1p, tanh, sigmoid, erf };

inline constexpr int kElementaryCount = 7;

constexpr const char* elementary_name(Elementary f) {
  constexpr const char* names[kElementaryCount] = {"exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf"};
  return names[static_cast<int>(f)];
}

}  // namespace densor::math
