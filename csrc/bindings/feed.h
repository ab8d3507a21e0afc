// A feed as Python holds it: the native slot and the array that lies in it.
#pragma once

#include <memory>

#include "bindings/array.h"
#include "core/feed.h"

namespace densor::bindings {

class BoundFeed {
 public:
  explicit BoundFeed(bool writable = false) : writable_(writable) {}
  void bind(const py::object& array);
  void clear();
  // What lies in it, or None.
  const py::object& array() const { return array_; }
  // Steps share the slot: it outlives them.
  std::shared_ptr<const Feed> feed() const { return feed_; }

 private:
  bool writable_;
  std::shared_ptr<Feed> feed_ = std::make_shared<Feed>();
  py::object array_ = py::none();
};

}  // namespace densor::bindings
