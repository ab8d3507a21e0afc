// Launchers of the CUDA kernels, in plain C++: ops include this and nothing else of cuda/.
// Without CUDA, absent.cpp is linked in their place.
#pragma once

namespace densor::cuda {

// Throws Error(device) saying what is missing unless device `index` can run our kernels.
void require_device(int index);

}  // namespace densor::cuda
