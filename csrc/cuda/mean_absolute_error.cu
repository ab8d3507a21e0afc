// loss = mean over columns of |x - target|. Reads 8 bytes an element and writes 4 (0 without dx).
#include "cuda/phases/column_loss.cuh"

#include "cuda/table.h"
#include "math/mean_absolute_error.h"

namespace densor::cuda {

void fill_mean_absolute_error(Launchers& table) {
  table.mean_absolute_error = column_loss<math::MeanAbsoluteError>;
}

}  // namespace densor::cuda
