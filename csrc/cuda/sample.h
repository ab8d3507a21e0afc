// A kernel by which the run time finds out whether this build has code for a device.
#pragma once

namespace densor::cuda {

const void* sample_kernel();

}  // namespace densor::cuda
