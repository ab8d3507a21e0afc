// What stands between the amx target and a machine. probe.cpp asks the machine; trapped.cpp, for tests, says
// yes and carries out the instructions itself.
#pragma once

#include <string>

namespace densor::cpu {

bool cpu_has_amx();
bool system_saves_tiles();
// Asks the operating system for its permission: empty, or what it said.
std::string ask_for_tiles();
// What multiplies once nothing is in the way.
std::string amx_units();

}  // namespace densor::cpu
