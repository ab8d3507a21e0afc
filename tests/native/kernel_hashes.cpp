// Runs every kernel of a CPU target on seeded inputs and prints a hash of what it computes, a line each.
// The targets with fused multiply-adds print the same lines: `kernel_hashes avx2 > a; kernel_hashes neon >
// b`.
#include <cstring>

#include "cases.h"
#include "core/denormals.h"
#include "cpu/targets/targets.h"

int main(int count, char** arguments) {
  using namespace densor;
  for (int i = 0; count == 2 && i < cpu::kTargetCount; ++i) {
    const cpu::Target& target = cpu::kTargets[i];
    if (std::strcmp(target.name, arguments[1]) != 0 || !target.supported()) continue;
    const FlushDenormals flush;  // as in workers
    const cpu::Kernels& kernels = target.kernels();
    native::elementwise_cases(kernels);
    native::row_cases(kernels);
    native::loss_cases(kernels);
    native::normalization_cases(kernels);
    native::optimizer_cases(kernels);
    native::random_cases(kernels);
    native::image_cases(kernels);
    native::gemm_cases(kernels);
    return 0;
  }
  std::fprintf(stderr, "usage: kernel_hashes TARGET, one that runs here:");
  for (int i = 0; i < cpu::kTargetCount; ++i)
    if (cpu::kTargets[i].supported()) std::fprintf(stderr, " %s", cpu::kTargets[i].name);
  std::fprintf(stderr, "\n");
  return 2;
}
