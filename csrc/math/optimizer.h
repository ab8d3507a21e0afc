// The optimizer rules. To add one: a formula file like adam.h, and its name in the list below.
//
// A rule changes one parameter w and its slots s by the gradient g and the coefficients c of the step.
#pragma once

#include "math/adadelta.h"
#include "math/adafactor.h"
#include "math/adagrad.h"
#include "math/adam.h"
#include "math/adamax.h"
#include "math/amsgrad.h"
#include "math/ftrl.h"
#include "math/hold.h"
#include "math/lamb.h"
#include "math/lion.h"
#include "math/momentum.h"
#include "math/muon.h"
#include "math/nadam.h"
#include "math/nesterov.h"
#include "math/radam.h"
#include "math/rmsprop.h"
#include "math/schedule_free.h"
#include "math/sgd.h"

namespace densor::math {

template <class... Rules>
struct RuleList {
  static constexpr int kCount = sizeof...(Rules);
  // f(index, rule) for each of them.
  template <class F>
  static constexpr void each(F f) {
    int index = 0;
    (f(index++, Rules{}), ...);
  }
};

using OptimizerRules =
    RuleList<Sgd, Momentum, Nesterov, Rmsprop<false, false>, Rmsprop<true, false>, Rmsprop<false, true>,
             Rmsprop<true, true>, Adagrad, Adadelta, Adam, Amsgrad, Adamax, Nadam, Radam, Lion, Lamb,
             Ftrl<true>, Ftrl<false>, ScheduleFree, Adafactor, Muon, MuonAdam, Hold>;

inline constexpr int kMaxOptimizerSlots = 3, kMaxOptimizerCoefficients = 6;

}  // namespace densor::math
