#include "ops/dense_chain.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "core/error.h"
#include "ops/activation.h"
#include "ops/dropout.h"

namespace densor::bindings {

namespace {

using Layers = std::vector<ops::ChainedLayer>;

// Lists with an entry for each layer, as many as there are in `w`.
class Lists {
 public:
  Lists(const char* function, const py::object& w) : function_(function) {
    for (const View& view : views_of(function, "w", w)) layers_.emplace_back().w = view;
  }

  // set(layer, view)
  template <class Set>
  void views(const char* argument, const py::object& list, Set set) {
    const std::vector<View> found = views_of(function_, argument, list);
    require(argument, found.size());
    for (std::size_t i = 0; i < found.size(); ++i) set(layers_[i], found[i]);
  }
  // set(layer, object)
  template <class Set>
  void values(const char* argument, const py::object& list, Set set) {
    if (!py::isinstance<py::list>(list) && !py::isinstance<py::tuple>(list))
      throw Error(ErrorKind::type, function_, argument,
                  std::string("expected a list, got ") + Py_TYPE(list.ptr())->tp_name);
    require(argument, py::len(list));
    std::size_t i = 0;
    for (const py::handle& item : py::reinterpret_borrow<py::sequence>(list)) set(layers_[i++], item);
  }

  void activations(const py::object& activation, const py::object& alpha) {
    values("activation", activation, [this](ops::ChainedLayer& layer, const py::handle& item) {
      layer.activation =
          ops::activation_from_name(function_, "activation", name(function_, "activation", item));
    });
    values("alpha", alpha, [this](ops::ChainedLayer& layer, const py::handle& item) {
      layer.alpha = number(function_, "alpha", item);
    });
  }
  void dropouts(const py::object& mask, const py::object& rate, const py::object& kind) {
    views("mask", mask, [](ops::ChainedLayer& layer, const View& view) { layer.mask = view; });
    values("rate", rate, [this](ops::ChainedLayer& layer, const py::handle& item) {
      layer.rate = number(function_, "rate", item);
    });
    values("kind", kind, [this](ops::ChainedLayer& layer, const py::handle& item) {
      layer.kind = ops::dropout_kind(function_, "kind", name(function_, "kind", item));
    });
  }
  void saved(const py::object& y, const py::object& z) {
    views("y", y, [](ops::ChainedLayer& layer, const View& view) { layer.y = view; });
    views("z", z, [](ops::ChainedLayer& layer, const View& view) { layer.z = view; });
  }
  const Layers& layers() const { return layers_; }

 private:
  void require(const char* argument, std::size_t count) const {
    if (count != layers_.size())
      throw Error(ErrorKind::value, function_, argument,
                  "has " + std::to_string(count) + " entries for the " + std::to_string(layers_.size()) +
                      " layers of 'w'");
  }

  const char* function_;
  Layers layers_;
};

// The steps keep tuples: a list may change, its arrays must stay.
BoundStep forward(const py::object& y, const py::object& z, const py::object& mask, const py::object& x,
                  const py::object& w, const py::object& bias, const py::object& activation,
                  const py::object& alpha, const py::object& rate, const py::object& kind,
                  const py::object& seed, const py::object& stream) {
  constexpr const char* kName = "dense_chain_forward";
  Lists lists(kName, w);
  lists.views("bias", bias, [](ops::ChainedLayer& layer, const View& view) { layer.bias = view; });
  lists.saved(y, z);
  lists.activations(activation, alpha);
  lists.dropouts(mask, rate, kind);
  lists.values("seed", seed, [](ops::ChainedLayer& layer, const py::handle& item) {
    layer.seed = word(kName, "seed", item);
  });
  lists.values("stream", stream, [](ops::ChainedLayer& layer, const py::handle& item) {
    layer.stream = static_cast<std::uint32_t>(integer(kName, "stream", item, 0, UINT32_MAX));
  });
  return bound(ops::dense_chain_forward(lists.layers(), view_of(kName, "x", x)), py::tuple(y), py::tuple(z),
               py::tuple(mask), x, py::tuple(w), py::tuple(bias));
}

BoundStep backward(const py::object& dx, const py::object& dw, const py::object& dbias, const py::object& dy,
                   const py::object& x, const py::object& w, const py::object& y, const py::object& z,
                   const py::object& mask, const py::object& activation, const py::object& alpha,
                   const py::object& rate, const py::object& kind) {
  constexpr const char* kName = "dense_chain_backward";
  Lists lists(kName, w);
  lists.views("dw", dw, [](ops::ChainedLayer& layer, const View& view) { layer.dw = view; });
  lists.views("dbias", dbias, [](ops::ChainedLayer& layer, const View& view) { layer.dbias = view; });
  lists.saved(y, z);
  lists.activations(activation, alpha);
  lists.dropouts(mask, rate, kind);
  return bound(ops::dense_chain_backward(view_of(kName, "dx", dx), lists.layers(), view_of(kName, "dy", dy),
                                         view_of(kName, "x", x)),
               dx, py::tuple(dw), py::tuple(dbias), dy, x, py::tuple(w), py::tuple(y), py::tuple(z),
               py::tuple(mask));
}

}  // namespace

void bind_dense_chain(py::module_& m) {
  m.attr("dense_chain_width") = ops::dense_chain_width();
  m.attr("dense_chain_layers") = ops::dense_chain_layers();
  m.def(
      "dense_chain_plan",
      [](const py::object& rows) {
        return ops::dense_chain_plan(integer("dense_chain_plan", "rows", rows, 0, std::int64_t{1} << 40));
      },
      py::arg("rows"), "How a batch is cut for the kernels that take rows through several layers.");
  m.def("device_chains", &ops::device_chains, "Whether programs for a device get such kernels.");
  m.def(
      "set_device_chains",
      [](const py::object& wanted) { ops::set_device_chains(flag("set_device_chains", "wanted", wanted)); },
      py::arg("wanted"), "Whether those that are made from now on do: for tests and measurements.");
  m.def("dense_chain_forward", &forward, py::arg("y"), py::arg("z"), py::arg("mask"), py::arg("x"),
        py::arg("w"), py::arg("bias"), py::arg("activation"), py::arg("alpha"), py::arg("rate"),
        py::arg("kind"), py::arg("seed"), py::arg("stream"),
        "On a device: y[i] = activation(x[i] w[i] + bias[i]), where x[0] is x and x[i + 1] is y[i] or, where "
        "there is a mask, its dropout; y[i] but the last, z[i] (x w + bias) and mask[i] may be None.");
  m.def("dense_chain_backward", &backward, py::arg("dx"), py::arg("dw"), py::arg("dbias"), py::arg("dy"),
        py::arg("x"), py::arg("w"), py::arg("y"), py::arg("z"), py::arg("mask"), py::arg("activation"),
        py::arg("alpha"), py::arg("rate"), py::arg("kind"),
        "On a device: the gradients of dense_chain_forward that are not None, from that of the last y.");
}

}  // namespace densor::bindings
