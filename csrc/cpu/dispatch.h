// The target in use: chosen once, the best that runs here, or the one that DENSOR_CPU_TARGET names.
#pragma once

#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace densor::cpu {

const Kernels& active();
// Throws Error if there is no such target or this machine cannot run it.
void set_active(const std::string& name);
// Targets that run here, best first; without models of machines that are not there, which run when named.
std::vector<std::string> available();
// What became of the matrix units, in words.
std::string matrix_units();

}  // namespace densor::cpu
