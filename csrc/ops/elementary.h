#pragma once

#include <string>

#include "core/step.h"
#include "core/view.h"
#include "math/elementary_kind.h"

namespace densor::ops {

// Throws Error with the list of names if there is no such function.
math::Elementary elementary_from_name(const char* function, const char* argument, const std::string& name);

// y = f(x), both of one shape (any number of dimensions); y may be x.
Step elementary(const View& y, const View& x, math::Elementary f);

}  // namespace densor::ops
