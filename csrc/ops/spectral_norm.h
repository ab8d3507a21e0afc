#pragma once

#include <cstdint>

#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// Divides kernel (rows, cols) by its largest singular value as `iterations` steps of the power iteration from
// u (cols,) see it; u goes on from where it stopped. A kernel of zeros stays as it is, and so does u. v
// (rows,) is room for the left vector.
Step spectral_norm(const View& kernel, const View& u, const View& v, std::int64_t iterations);

}  // namespace densor::ops
