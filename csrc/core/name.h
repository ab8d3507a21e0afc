// Choices given by name: what is known, and which of it was probably meant.
#pragma once

#include <string>
#include <vector>

namespace densor {

// The index of `name` in `known`. Throws Error listing the known names, with the nearest if one is near.
int index_of_name(const char* function, const char* argument, const std::string& name,
                  const std::vector<std::string>& known);

}  // namespace densor
