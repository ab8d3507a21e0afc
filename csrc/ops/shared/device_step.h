// Steps of ops whose arrays lie on a device: a launcher of cuda/launchers.h and its arguments.
#pragma once

#include <utility>

#include "core/check.h"
#include "core/error.h"
#include "core/step.h"
#include "cuda/launch.h"

namespace densor::ops {

// True where the arrays are on a device. All that are present must be on the same.
template <class Views = std::initializer_list<NamedView>>
bool on_device(const Check& check, const Views& views) {
  const NamedView* first = nullptr;
  for (const NamedView& item : views) {
    if (!item.view) continue;
    if (first == nullptr) first = &item;
    if (item.view.device != first->view.device)
      check.fail(item.name, std::string("is on ") + device_name(item.view.device) + ", but '" + first->name +
                                "' is on " + device_name(first->view.device) + "; move one of them");
  }
  return first != nullptr && first->view.device == Device::cuda;
}

// What the host reads while the step is made.
inline void require_host(const Check& check, const char* argument, const View& view) {
  if (view.device == Device::cuda && !cuda::uses_host_memory())
    check.fail_type(argument, "is on cuda, but the host reads it; pass a NumPy array");
}

// `kernel(queue, arguments...)` as a step; `scratch` in floats.
template <class... Parameters, class... Arguments>
Step device_step(const Check& check, void (*kernel)(const Queue&, Parameters...), Arguments... arguments) {
  if (kernel == nullptr)
    throw Error(ErrorKind::device, check.function(), "device",
                "this op has no CUDA kernel yet; use device=\"cpu\"");
  Step step;
  step.name = check.function();
  step.launch = [kernel, arguments...](const Queue& queue) { kernel(queue, arguments...); };
  return step;
}

// The same of a kernel that works on each row for itself, on no rows of a batch at all, or on those that the
// batch has (cuda/device/rows.cuh).
template <class... Parameters, class... Arguments>
Step masking_step(const Check& check, void (*kernel)(const Queue&, Parameters...), Arguments... arguments) {
  Step step = device_step(check, kernel, arguments...);
  step.masks_rows = true;
  return step;
}

}  // namespace densor::ops
