// An epoch on a device: a program is captured once, and its graph replayed for every batch.
#pragma once

#include <string>

#include "program/program.h"

namespace densor {

// As run_epoch. Between batches the device moves its own batch on; the host looks for a cancel and counts;
// or throws, where a step refused a batch.
std::int64_t run_on_device(const Epoch& epoch, const Poll& poll);

// The phases of a batch of `rows` data rows (cuda/phases.h), as text; the program's feeds are bound.
std::string phases_of(const Program& program, std::int64_t rows);

}  // namespace densor
