#pragma once

#include <memory>

#include "core/feed.h"
#include "core/step.h"
#include "core/view.h"

namespace densor::ops {

// out = the batch's rows of the fed array, converted: float32 (batch, features), value * scale + offset, on a
// CPU also rounded to bfloat16; or labels int32 (batch,), scale 1 and offset 0. The feed is checked when the
// step runs: any real dtype but float16, `features` values a row, every row of the batch within it.
Step gather(const View& out, std::shared_ptr<const Feed> feed, double scale, double offset);

// Rows of the fed array, float32 and writable, = the rows of x; the reverse of gather.
Step scatter(std::shared_ptr<const Feed> feed, const View& x);

}  // namespace densor::ops
