// loss = mean over columns of (x - target)^2. Reads 8 bytes an element and writes 4 (0 without dx).
#include "cuda/device/column_loss.cuh"

#include "cuda/table.h"
#include "math/mean_squared_error.h"

namespace densor::cuda {

void fill_mean_squared_error(Launchers& table) {
  table.mean_squared_error = column_loss<math::MeanSquaredError>;
}

}  // namespace densor::cuda
