#include "math/philox.h"

#include <string>

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "core/error.h"

namespace densor::bindings {

namespace {

// The `count` words of a tuple of 32-bit integers.
template <std::size_t Count>
void read_words(std::uint32_t (&words)[Count], const char* argument, const py::object& tuple) {
  if (!py::isinstance<py::tuple>(tuple))
    throw Error(ErrorKind::type, "philox", argument,
                std::string("expected a tuple, got ") + Py_TYPE(tuple.ptr())->tp_name);
  if (py::len(tuple) != Count)
    throw Error(ErrorKind::value, "philox", argument,
                "has " + std::to_string(py::len(tuple)) + " entries, expected " + std::to_string(Count));
  for (std::size_t i = 0; i < Count; ++i)
    words[i] = static_cast<std::uint32_t>(integer("philox", argument, tuple[py::int_(i)], 0, UINT32_MAX));
}

py::tuple philox(const py::object& counter, const py::object& key) {
  math::PhiloxWords<std::uint32_t> words;
  std::uint32_t key_words[2];
  read_words(words.word, "counter", counter);
  read_words(key_words, "key", key);
  const auto out = math::philox(words, math::philox_key(key_words[0], key_words[1]));
  return py::make_tuple(out.word[0], out.word[1], out.word[2], out.word[3]);
}

}  // namespace

void bind_philox(py::module_& m) {
  m.def("philox", &philox, py::arg("counter"), py::arg("key"),
        "Philox4x32-10: four 32-bit words from a counter of four and a key of two.");
}

}  // namespace densor::bindings
