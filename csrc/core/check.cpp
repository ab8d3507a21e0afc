#include "core/check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/error.h"

namespace densor {

std::string shape_text(const std::int64_t* shape, int ndim) {
  std::string text = "(";
  for (int i = 0; i < ndim; ++i) {
    text += shape[i] == kAny ? "any" : std::to_string(shape[i]);
    if (i + 1 < ndim) text += ", ";
  }
  return text + (ndim == 1 ? ",)" : ")");
}

std::string shape_text(const View& view) { return shape_text(view.shape.data(), view.ndim); }

namespace {

bool matches(const View& view, std::initializer_list<std::int64_t> shape) {
  if (view.ndim != static_cast<int>(shape.size())) return false;
  int i = 0;
  for (std::int64_t want : shape)
    if (const std::int64_t got = view.shape[i++]; want != kAny && want != got) return false;
  return true;
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

}  // namespace

void Check::fail(const char* argument, const std::string& detail) const {
  throw Error(ErrorKind::value, function_, argument, detail);
}

void Check::fail_type(const char* argument, const std::string& detail) const {
  throw Error(ErrorKind::type, function_, argument, detail);
}

void Check::array(const char* argument, const View& view, DType dtype) const {
  if (!view) fail_type(argument, "expected an array, got None");
  if (view.dtype != dtype)
    fail_type(argument,
              std::string("expected dtype ") + dtype_name(dtype) + ", got " + dtype_name(view.dtype));
  if (!view.contiguous())
    fail(argument, "must be C-contiguous, got strides; pass numpy.ascontiguousarray(...)");
  if (!view.aligned())
    fail(argument, "must be aligned to its dtype; pass numpy.require(..., requirements='A')");
}

void Check::input(const char* argument, const View& view, DType dtype,
                  std::initializer_list<std::int64_t> shape) const {
  array(argument, view, dtype);
  if (!matches(view, shape))
    fail(argument, "expected shape " + shape_text(shape.begin(), static_cast<int>(shape.size())) + ", got " +
                       shape_text(view));
}

void Check::output(const char* argument, const View& view, DType dtype,
                   std::initializer_list<std::int64_t> shape) const {
  input(argument, view, dtype, shape);
  if (!view.writable) fail(argument, "is written by this op and must not be read-only");
}

void Check::any_input(const char* argument, const View& view, DType dtype) const {
  array(argument, view, dtype);
}

void Check::any_output(const char* argument, const View& view, DType dtype) const {
  array(argument, view, dtype);
  if (!view.writable) fail(argument, "is written by this op and must not be read-only");
}

void Check::same_shape(const char* argument, const View& view, const View& other) const {
  const std::string got = shape_text(view), expected = shape_text(other);
  if (got != expected) fail(argument, "expected shape " + expected + ", got " + got);
}

void Check::optional_input(const char* argument, const View& view, DType dtype,
                           std::initializer_list<std::int64_t> shape) const {
  if (view) input(argument, view, dtype, shape);
}

void Check::optional_output(const char* argument, const View& view, DType dtype,
                            std::initializer_list<std::int64_t> shape) const {
  if (view) output(argument, view, dtype, shape);
}

void Check::matrix(const char* argument, const View& view) const {
  input(argument, view, DType::f32, {kAny, kAny});
}

void Check::output_matrix(const char* argument, const View& view) const {
  output(argument, view, DType::f32, {kAny, kAny});
}

void Check::number(const char* argument, double value, double low, double high, bool high_open) const {
  if (std::isfinite(value) && value >= low && (high_open ? value < high : value <= high)) return;
  fail(argument, "value " + number_text(value) + " is outside [" + number_text(low) + ", " +
                     number_text(high) + (high_open ? ")" : "]"));
}

void Check::labels(const char* argument, const std::int32_t* label, std::int64_t rows,
                   std::int64_t classes) const {
  const auto bad = [classes](std::int32_t value) { return value < 0 || value >= classes; };
  bool any = false;
  for (std::int64_t r = 0; r < rows; ++r) any |= bad(label[r]);
  if (!any) return;
  const std::int64_t row = std::find_if(label, label + rows, bad) - label;
  fail(argument, "value " + std::to_string(label[row]) + " at row " + std::to_string(row) +
                     " is outside [0, " + std::to_string(classes) + ")");
}

void Check::disjoint(const char* argument, const View& a, const char* other, const View& b) const {
  if (!a || !b || a.size() == 0 || b.size() == 0) return;
  const auto* a_begin = a.as<const char>();
  const auto* b_begin = b.as<const char>();
  if (a_begin < b_begin + b.size() * item_size(b.dtype) && b_begin < a_begin + a.size() * item_size(a.dtype))
    fail(argument, std::string("overlaps the memory of argument '") + other + "'");
}

void Check::disjoint(std::initializer_list<NamedView> outputs,
                     std::initializer_list<NamedView> inputs) const {
  for (const NamedView* output = outputs.begin(); output != outputs.end(); ++output) {
    for (const NamedView& input : inputs) disjoint(output->name, output->view, input.name, input.view);
    for (const NamedView* other = outputs.begin(); other != output; ++other)
      disjoint(output->name, output->view, other->name, other->view);
  }
}

void Check::same_or_disjoint(const char* argument, const View& a, const char* other, const View& b) const {
  if (a.data != b.data || a.size() != b.size() || a.dtype != b.dtype) disjoint(argument, a, other, b);
}

std::int64_t checked_multiply(const char* function, std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product))
    throw Error(ErrorKind::memory, function, "",
                "size " + std::to_string(a) + " x " + std::to_string(b) + " overflows");
  return product;
}

}  // namespace densor
