// Argument checks of the ops. Each throws Error naming function, argument, what was expected and what came.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/view.h"

namespace densor {

struct NamedView {
  const char* name;
  const View& view;
};

inline constexpr std::int64_t kAny = -1;  // this dimension may have any length

// The checks of one call: `const Check check("dense_forward"); check.input("w", w, DType::f32, {in, out});`
class Check {
 public:
  explicit Check(const char* function) : function_(function) {}

  const char* function() const { return function_; }

  // Present, of this dtype and shape, C-contiguous and aligned.
  void input(const char* argument, const View& view, DType dtype,
             std::initializer_list<std::int64_t> shape) const;
  // The same, and writable.
  void output(const char* argument, const View& view, DType dtype,
              std::initializer_list<std::int64_t> shape) const;
  // The same, where the argument may be absent.
  void optional_input(const char* argument, const View& view, DType dtype,
                      std::initializer_list<std::int64_t> shape) const;
  void optional_output(const char* argument, const View& view, DType dtype,
                       std::initializer_list<std::int64_t> shape) const;
  // The same for any shape, and for the shape of another array.
  void any_input(const char* argument, const View& view, DType dtype) const;
  void any_output(const char* argument, const View& view, DType dtype) const;
  void same_shape(const char* argument, const View& view, const View& other) const;
  // A matrix (rows, cols) of float32; rows and cols are read off the view: it only has to be two-dimensional.
  void matrix(const char* argument, const View& view) const;
  void output_matrix(const char* argument, const View& view) const;

  // low <= value <= high (value < high where high_open), finite.
  void number(const char* argument, double value, double low, double high, bool high_open = false) const;

  // Every label lies in [0, classes). Labels come from data: a step looks at them when it runs.
  void labels(const char* argument, const std::int32_t* label, std::int64_t rows, std::int64_t classes) const;

  // Two arrays that the op writes or reads apart must not overlap.
  void disjoint(const char* argument, const View& a, const char* other, const View& b) const;
  // No output overlaps an input or another output.
  void disjoint(std::initializer_list<NamedView> outputs, std::initializer_list<NamedView> inputs) const;
  // Two of them, where an output may also be exactly the input.
  void same_or_disjoint(const char* argument, const View& a, const char* other, const View& b) const;

  [[noreturn]] void fail(const char* argument, const std::string& detail) const;
  [[noreturn]] void fail_type(const char* argument, const std::string& detail) const;

 private:
  void array(const char* argument, const View& view, DType dtype) const;

  const char* function_;
};

// Checked size arithmetic: throws Error(memory) instead of wrapping.
std::int64_t checked_multiply(const char* function, std::int64_t a, std::int64_t b);

}  // namespace densor
