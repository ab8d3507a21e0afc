// Many small uploads, each from the same variable: prints how many blocks were pinned for, how many copies
// were waited for, and how many values arrived wrong. The same for reports that are held and given back.
#include "cuda/nvidia/pinned.h"

#include <cstdio>
#include <set>

void densor::cuda::check(cudaError_t, const char*) {}

int main() {
  constexpr int kUploads = 40;
  densor::cuda::Staging staging(sizeof(int));
  int arrived[kUploads], value = 0;
  for (; value < kUploads; ++value) staging.upload(&arrived[value], &value, sizeof value, 0);
  std::printf("%zu pinned, %zu waited for, ", device.pins, device.done);
  device.until(device.begun);
  int wrong = 0;
  for (int i = 0; i < kUploads; ++i) wrong += arrived[i] != i;
  std::printf("%d wrong\n", wrong);

  device.pins = 0;
  densor::cuda::Reports reports(sizeof(int));
  std::set<densor::cuda::Pinned*> held;
  std::set<void*> memory;
  for (int i = 0; i < kUploads; ++i) {
    densor::cuda::Pinned* const report = reports.take();
    held.insert(report), memory.insert(report->memory);
  }
  for (densor::cuda::Pinned* report : held) reports.give_back(report);
  for (int i = 0; i < kUploads; ++i) memory.insert(reports.take()->memory);
  std::printf("%zu pinned, %zu blocks\n", device.pins, memory.size());
}
