#include "ops/gather.h"

#include "bindings/feed.h"
#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "core/error.h"

namespace densor::bindings {

namespace {

std::shared_ptr<const Feed> feed_of(const char* function, const py::object& object) {
  if (!py::isinstance<BoundFeed>(object))
    throw Error(ErrorKind::type, function, "feed",
                std::string("expected a Feed, got ") + Py_TYPE(object.ptr())->tp_name);
  return object.cast<const BoundFeed&>().feed();
}

}  // namespace

void bind_gather(py::module_& m) {
  m.def(
      "gather",
      [](const py::object& out, const py::object& feed, const py::object& scale, const py::object& offset) {
        return bound(ops::gather(view_of("gather", "out", out), feed_of("gather", feed),
                                 number("gather", "scale", scale), number("gather", "offset", offset)),
                     out, feed);
      },
      py::arg("out"), py::arg("feed"), py::arg("scale"), py::arg("offset"),
      "out = the batch's rows of the feed: float32 value * scale + offset, or int32 labels.");
  m.def(
      "scatter",
      [](const py::object& feed, const py::object& x) {
        return bound(ops::scatter(feed_of("scatter", feed), view_of("scatter", "x", x)), feed, x);
      },
      py::arg("feed"), py::arg("x"), "The batch's rows of the feed = the rows of x.");
}

}  // namespace densor::bindings
