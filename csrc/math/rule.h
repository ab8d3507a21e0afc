// What an optimizer rule has unless it says otherwise.
#pragma once

namespace densor::math {

struct Rule {
  // So many coefficients, the first ones, are proportional to the learning rate.
  static constexpr int kRates = 1;
  // The step of a variable is scaled by the norms of its weights and of the step: see Lamb.
  static constexpr bool kTrustRatio = false;
};

}  // namespace densor::math
