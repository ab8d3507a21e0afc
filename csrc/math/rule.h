// What an optimizer rule has unless it says otherwise.
#pragma once

namespace densor::math {

// What a rule needs of whole variables before it changes the first parameter: nothing, the row and column
// sums of Adafactor, or the orthogonal directions of Muon.
enum class Preparation { none, factored, orthogonal };

struct Rule {
  // So many coefficients, the first ones, are proportional to the learning rate.
  static constexpr int kRates = 1;
  // The step of a variable is scaled by the norms of its weights and of the step: see Lamb.
  static constexpr bool kTrustRatio = false;
  static constexpr Preparation kPreparation = Preparation::none;
};

}  // namespace densor::math
