// The pass of an optimizer over arenas on a device: the tables its kernels read, and its step.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "cuda/memory.h"
#include "ops/shared/device_step.h"
#include "ops/shared/optimizer_pass.h"

namespace densor::ops {

// The variables cut into chunks, in device memory, and the working memory of the norms.
class DeviceSegments {
 public:
  DeviceSegments(const std::vector<OptimizerSegment>& segments, const float* multipliers)
      : host_(segments), multipliers_(multipliers) {
    std::vector<cuda::OptimizerChunk> chunks;
    for (std::size_t k = 0; k < segments.size(); ++k) {
      const OptimizerSegment& segment = segments[k];
      host_[k].first_block = static_cast<std::int64_t>(chunks.size());
      for (std::int64_t i = segment.begin; i < segment.end; i += cuda::kOptimizerChunk)
        chunks.push_back({i, static_cast<std::int32_t>(std::min(cuda::kOptimizerChunk, segment.end - i)),
                          static_cast<std::int32_t>(k)});
      host_[k].last_block = static_cast<std::int64_t>(chunks.size());
    }
    chunk_count_ = static_cast<std::int64_t>(chunks.size());
    chunks_ = cuda::copy_to_device(chunks);
    segments_ = std::make_unique<cuda::Memory>(sizeof(cuda::OptimizerSegment) * segments.size());
    squares_ = std::make_unique<cuda::Memory>(sizeof(double) * chunks.size());
    trust_ = std::make_unique<cuda::Memory>(sizeof(math::TrustSums) * chunks.size());
    factors_ = std::make_unique<cuda::Memory>(sizeof(float) * segments.size());
  }

  // Multipliers may have changed since the last run.
  void refresh() const {
    std::vector<cuda::OptimizerSegment> now;
    for (const OptimizerSegment& s : host_)
      now.push_back(
          {s.first_block, s.last_block, multipliers_ == nullptr ? 1.0f : multipliers_[s.index], s.decayed});
    segments_->fill(now.data(), static_cast<std::int64_t>(now.size()));
  }

  void point(cuda::OptimizerPass& pass) const {
    pass.chunks = chunks_->as<const cuda::OptimizerChunk>();
    pass.segments = segments_->as<const cuda::OptimizerSegment>();
    pass.chunk_count = chunk_count_;
    pass.segment_count = static_cast<std::int64_t>(host_.size());
    pass.squares = squares_->as<double>();
    pass.trust = trust_->as<math::TrustSums>();
    pass.factors = factors_->as<float>();
  }

 private:
  std::vector<OptimizerSegment> host_;
  const float* multipliers_;
  std::int64_t chunk_count_ = 0;
  std::shared_ptr<const cuda::Memory> chunks_;
  std::unique_ptr<cuda::Memory> segments_, squares_, trust_, factors_;
};

inline Step optimizer_on_device(const Check& check, cuda::OptimizerPass pass,
                                const std::vector<OptimizerSegment>& segments, const float* multipliers) {
  const auto tables = std::make_shared<const DeviceSegments>(segments, multipliers);
  tables->point(pass);
  Step step = device_step(check, cuda::launchers().optimizer, pass);
  step.prepare = [tables, columns = cuda::hyper_count(pass)](const Queue& queue) {
    require_hyper(queue.first->hyper, queue.first->hyper_count, columns);
    tables->refresh();
  };
  return step;
}

}  // namespace densor::ops
