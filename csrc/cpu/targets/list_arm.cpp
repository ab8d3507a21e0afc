// Targets of aarch64, where NEON is part of the base.
#include "cpu/amx/obstacle.h"
#include "cpu/dispatch.h"
#include "cpu/targets/targets.h"

namespace densor::cpu {

namespace {
bool always() { return true; }
}  // namespace

const Target kTargets[] = {
    {"neon", neon_kernels, always, false},
    {"scalar", scalar_kernels, always, false},
};
const int kTargetCount = 2;

std::string matrix_units() { return "none: there are kernels for AMX alone"; }
std::string amx_obstacle(bool, bool, bool) { return matrix_units(); }

}  // namespace densor::cpu
