// A worker's scratch memory, which its thread keeps between runs: fresh pages cost more than short runs do.
#pragma once

#include <cstdint>
#include <memory>

namespace densor {

class Scratch {
 public:
  // Takes the calling thread's memory, grown to `floats` floats. A run inside a run (a signal handler's)
  // finds it taken and gets its own. Throws std::bad_alloc.
  explicit Scratch(std::int64_t floats);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* data() const { return block_.memory.get(); }

 private:
  struct Free {
    void operator()(float* p) const;
  };
  struct Block {
    std::unique_ptr<float, Free> memory;
    std::int64_t floats = 0;
  };
  static Block& kept();
  static Block allocate(std::int64_t floats);

  Block block_;
};

}  // namespace densor
