// Targets of machines without hand-written vector code.
#include "cpu/targets/targets.h"

namespace densor::cpu {

namespace {
bool always() { return true; }
}  // namespace

const Target kTargets[] = {{"scalar", scalar_kernels, always}};
const int kTargetCount = 1;

}  // namespace densor::cpu
