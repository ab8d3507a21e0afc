// The one error type of the native code: which function, which argument, what is wrong with it.
// Bindings translate it to a Python exception in one place (bindings/error.cpp).
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace densor {

enum class ErrorKind { type, value, memory, device, device_memory, runtime };

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string function, std::string argument, std::string detail)
      : kind_(kind),
        function_(std::move(function)),
        argument_(std::move(argument)),
        detail_(std::move(detail)),
        text_(function_ + "(): " + (argument_.empty() ? "" : "argument '" + argument_ + "': ") + detail_) {}

  ErrorKind kind() const { return kind_; }
  const std::string& function() const { return function_; }
  const std::string& argument() const { return argument_; }
  const std::string& detail() const { return detail_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  ErrorKind kind_;
  std::string function_, argument_, detail_, text_;
};

}  // namespace densor
