// The interpreter that the engine may be embedded in, as far as the engine has to know of it: that there is a
// lock which a caller may hold.
#pragma once

#include <atomic>
#include <functional>

namespace densor {

using Detach = void (*)(const std::function<void()>& work);

// How the interpreter's lock is let go; at the start there is no interpreter.
inline std::atomic<Detach>& detach() {
  static std::atomic<Detach> it = nullptr;
  return it;
}

// Does what waits for other threads that may need the interpreter: without its lock, if the caller holds it.
inline void run_detached(const std::function<void()>& work) {
  const Detach how = detach().load();
  how != nullptr ? how(work) : work();
}

}  // namespace densor
