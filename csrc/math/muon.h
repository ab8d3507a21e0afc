// Muon (Jordan et al. 2024), as in Keras: of a matrix m = mu m + g, and w -= lr u with the orthogonal
// direction u of m (or of g + mu m), which comes in the place of g; everything else is trained by AdamW.
// Slots {m, v}; coefficients {lr, alpha = Adam's, decay of what AdamW trains, b1, b2, epsilon}.
#pragma once

#include "math/fn.h"
#include "math/rule.h"

namespace densor::math {

// A matrix: m is there already.
struct Muon : Rule {
  static constexpr const char* kName = "muon";
  static constexpr int kSlots = 2, kCoefficients = 6, kRates = 3;
  static constexpr Preparation kPreparation = Preparation::orthogonal;

  template <class T>
  DENSOR_FN void update(T& w, T u, T*, const T* c) {
    w = w - c[0] * u;
  }
};

// Everything else.
struct MuonAdam : Rule {
  static constexpr const char* kName = "muon_adam";
  static constexpr int kSlots = 2, kCoefficients = 6, kRates = 3;

  template <class T>
  DENSOR_FN void update(T& w, T g, T* s, const T* c) {
    s[0] = fma(T(1.0f) - c[3], g - s[0], s[0]);
    s[1] = fma(T(1.0f) - c[4], fma(g, g, -s[1]), s[1]);
    w = w - c[1] * s[0] / (sqrt(s[1]) + c[5]);
  }
};

}  // namespace densor::math
