// A slot for an array that changes between runs of a program: the data set, the targets, the predictions.
#pragma once

#include "core/view.h"

namespace densor {

struct Feed {
  View view;  // (rows, ...): a row is contiguous, rows may lie apart
};

}  // namespace densor
