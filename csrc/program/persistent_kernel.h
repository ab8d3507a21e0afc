// The kernel that runs the phases of many batches, and what it reads of device memory.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cuda/launchers.h"
#include "cuda/memory.h"
#include "cuda/phases.h"

namespace densor {

class PersistentKernel {
 public:
  PersistentKernel(const Queue& queue, const cuda::Phases& phases, unsigned blocks)
      : queue_(queue),
        phases_(cuda::copy_to_device(phases.list())),
        arrived_(cuda::copy_to_device(std::vector<unsigned>{0})),
        fences_(phases.fences()),
        run_{phases_->as<const cuda::Phase>(),
             static_cast<int>(phases.list().size()),
             blocks,
             0,
             arrived_->as<unsigned>(),
             0} {}

  void launch(std::int64_t batches) {
    run_.batches = batches;
    cuda::launchers().persistent(queue_, run_);
    run_.arrived_before += static_cast<unsigned>(batches * fences_) * run_.blocks;
  }

 private:
  Queue queue_;
  std::shared_ptr<const cuda::Memory> phases_, arrived_;
  std::int64_t fences_;
  cuda::PersistentRun run_;
};

}  // namespace densor
