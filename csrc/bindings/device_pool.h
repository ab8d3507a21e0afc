// Device memory from CuPy's pool.
#pragma once

namespace densor::bindings {

// Before a block is taken, with the GIL: whether CuPy's pool or the CUDA run time's is the one to take it
// from.
void choose_pool();

}  // namespace densor::bindings
