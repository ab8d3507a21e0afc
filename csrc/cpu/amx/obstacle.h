// What stands between a machine and its matrix units.
#pragma once

#include <string>

namespace densor::cpu {

// Why AMX is not used on a machine of which this is known; empty where it is. Where nothing else is in the
// way, the operating system is asked for its permission.
std::string amx_obstacle(bool cpu_has_it, bool system_saves_it, bool has_vectors);

}  // namespace densor::cpu
