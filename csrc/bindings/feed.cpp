#include "bindings/feed.h"

#include "core/error.h"

namespace densor::bindings {

void BoundFeed::bind(const py::object& array) {
  const View view = view_of("bind", "array", array);
  const auto fail = [](const char* detail) { throw Error(ErrorKind::value, "bind", "array", detail); };
  if (!view) throw Error(ErrorKind::type, "bind", "array", "expected an array, got None");
  if (view.ndim < 1) fail("has no rows: it is 0-dimensional");
  if (!view.contiguous_from(1)) fail("has rows that are not contiguous; pass numpy.ascontiguousarray(...)");
  if (!view.aligned() || view.stride[0] % item_size(view.dtype) != 0)
    fail("is not aligned to its dtype; pass numpy.require(..., requirements='A')");
  if (writable_ && !view.writable) fail("is read-only but is to be written");
  feed_->view = view;
  array_ = array;
}

void BoundFeed::clear() {
  feed_->view = View{};
  array_ = py::none();
}

}  // namespace densor::bindings
