#include "cuda/phases/mean_absolute_error.cuh"

#include "cuda/table.h"

namespace densor::cuda {

void fill_mean_absolute_error(Launchers& table) {
  table.mean_absolute_error = column_loss<math::MeanAbsoluteError>;
}

}  // namespace densor::cuda
