// Where the kernels of a device go, and what they find there.
#pragma once

#include "core/worker.h"

namespace densor {

namespace cuda {
class Phases;
}

enum class Device { cpu, cuda };

constexpr const char* device_name(Device device) { return device == Device::cpu ? "the cpu" : "cuda"; }

struct Queue {
  void* stream = nullptr;
  Batch* batch = nullptr;        // in device memory: the batch at hand; what changes from batch to batch
  const Batch* first = nullptr;  // the same of the first batch, in host memory
  std::int64_t row_count = 0;    // data rows that all batches read from `first` on; 0: those of one batch
  float* scratch = nullptr;      // as much as the step declared; steps run one after the other
  cuda::Phases* phases =
      nullptr;  // notes steps down as phases of one kernel instead of launching them, or null
};

}  // namespace densor
