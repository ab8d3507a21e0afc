// A fiber: a function with a stack of its own that gives up the processor where it likes and goes on later.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace densor::cuda::host {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;

  // The next `resume` begins `body`; the fiber must not be in the middle of another.
  void start(std::function<void()> body);
  // Runs until the body pauses or ends.
  void resume();
  // Called from within: back to whoever resumed.
  void pause();
  bool done() const { return done_; }
  std::span<const std::byte> stack() const;

 private:
  static void enter();
  void run();

#if defined(__SANITIZE_ADDRESS__)
  static constexpr std::size_t kStack = 256 * 1024;  // frames are larger between guards
#else
  static constexpr std::size_t kStack = 64 * 1024;
#endif
  static constexpr std::size_t kGuard = 64 * 1024;  // one page, however large
  struct Context;
  std::unique_ptr<Context> context_;
  std::function<void()> body_;
  bool done_ = true;
};

}  // namespace densor::cuda::host
