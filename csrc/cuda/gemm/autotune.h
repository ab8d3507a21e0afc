// The plan of a product as the setting wants it: by estimate, or measured on the device in use.
#pragma once

#include <optional>
#include <string>

#include "cuda/gemm/tuner.h"

namespace densor::cuda {

// Whether plans made from now on are measured. At the start, on a GPU, unless DENSOR_AUTOTUNE is 0.
void set_autotune(bool yes);
bool autotune();
// Whom to tell that the plans on disk cannot be used or kept.
void set_tuner_warning(Warn warn);
void warn_of_tuner(const std::string& text);
// Of what measurements hold: GPU model, architecture and version of densor.
std::string tuned_device();

// Never called while a graph is being captured: steps are made before. `setting` names what the candidates
// depend on beside the problem; `halves`: the operands are bfloat16 arrays.
GemmPlan tuned_gemm(const std::vector<GemmPlan>& candidates, const std::string& setting, bool halves);
// The one that has been measured before.
std::optional<GemmPlan> known_gemm(const std::vector<GemmPlan>& candidates, const std::string& setting,
                                   bool halves);

}  // namespace densor::cuda
