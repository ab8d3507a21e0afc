// Device memory as Python holds it: a block, or a part of one, with shape, strides and dtype.
#pragma once

#include <memory>

#include "bindings/array.h"
#include "bindings/caller_stream.h"
#include "cuda/memory.h"

namespace densor::bindings {

class DeviceArray {
 public:
  // A block of bytes, whose values mean nothing yet.
  explicit DeviceArray(const py::object& nbytes);

  // What lies `offset` bytes from the beginning, with the shape, strides and dtype of a host array.
  DeviceArray part(const py::object& offset, const py::object& like) const;
  // Somebody else's array in device memory, which lives as long as this.
  static DeviceArray wrapped(const py::object& array);
  // The same memory, in C order, under another shape of the same size.
  DeviceArray reshaped(const py::args& arguments) const;
  // Copies between this and a host array of as many bytes, both in C order. The GIL is released.
  void upload(const py::object& from) const;
  void download(const py::object& into) const;

  const View& view() const { return view_; }
  bool ours() const { return memory_ != nullptr; }
  // Version 3 of the interface.
  py::dict interface() const;
  // The same memory, its axes in another order.
  DeviceArray moved(const std::vector<int>& axes) const;
  // Somebody else is about to use it.
  void lend() const {
    if (memory_ != nullptr) memory_->lend();
  }
  // The streams of those who have it beside us: of its owner, 0 where nobody says, or of who has borrowed it.
  std::vector<StreamNumber> callers() const;
  // Our stream goes on behind that of its owner, or theirs who have borrowed it: they may have changed it
  // since it was used last.
  void follow_borrowers(const char* function, const char* argument) const;

 private:
  DeviceArray(std::shared_ptr<const void> owner, const View& view) : owner_(std::move(owner)), view_(view) {}
  DeviceArray(const DeviceArray& of, const View& view)
      : owner_(of.owner_), memory_(of.memory_), foreign_(of.foreign_), view_(view) {}
  // `capsule` keeps the memory where DLPack has told of it; the array is asked again at every use.
  static DeviceArray of_others(const py::object& array, const View& view,
                               const std::shared_ptr<const void>& capsule);
  View host(const char* function, const char* argument, const py::object& object) const;

  std::shared_ptr<const void> owner_;     // of the memory
  const cuda::Memory* memory_ = nullptr;  // the same, where it is ours
  const py::object* foreign_ = nullptr;   // somebody else's array there, to be asked for its stream
  std::int64_t nbytes_ = 0;               // of the block, from where the view begins
  View view_;
};

}  // namespace densor::bindings
