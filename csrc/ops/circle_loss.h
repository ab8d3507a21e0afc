#pragma once

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Circle loss of similarities x (rows, cols) between rows with `label` (rows) and columns with `reference`
// (cols): loss (rows), and dx, its derivative by x, unless absent; dx may be x. without_diagonal: row i and
// column i are no pair of one class.
Step circle_loss(const View& loss, const View& dx, const View& x, const View& label, const View& reference,
                 double gamma, double margin, bool without_diagonal);

}  // namespace densor::ops
