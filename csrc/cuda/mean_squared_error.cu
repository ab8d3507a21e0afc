#include "cuda/phases/mean_squared_error.cuh"

#include "cuda/table.h"

namespace densor::cuda {

void fill_mean_squared_error(Launchers& table) {
  table.mean_squared_error = column_loss<math::MeanSquaredError>;
}

}  // namespace densor::cuda
