#include "ops/batch_norm.h"

#include "bindings/list.h"
#include "bindings/scalar.h"
#include "bindings/step.h"
#include "ops/activation.h"

namespace densor::bindings {

namespace {

// Reads the arguments of one call.
struct BatchNormCall {
  const char* function;

  View operator()(const char* argument, const py::object& object) const {
    return view_of(function, argument, object);
  }
  ops::BatchNormOptions options(const py::object& epsilon, const py::object& activation,
                                const py::object& alpha) const {
    return {number(function, "epsilon", epsilon),
            ops::activation_from_name(function, "activation", name(function, "activation", activation)),
            number(function, "alpha", alpha)};
  }
};

BoundStep batch_norm_forward(const py::object& y, const py::object& mean, const py::object& variance,
                             const py::object& x, const py::object& gamma, const py::object& beta,
                             const py::object& epsilon, const py::object& activation, const py::object& alpha,
                             const py::object& moments, std::int64_t moment_rows, const py::object& mask,
                             const py::object& rate, const py::object& seed, std::uint32_t stream,
                             bool rounded) {
  const BatchNormCall in{"batch_norm_forward"};
  return bound(
      ops::batch_norm_forward(in("y", y), in("mean", mean), in("variance", variance), in("x", x),
                              in("gamma", gamma), in("beta", beta), in.options(epsilon, activation, alpha),
                              {in("moments", moments), moment_rows},
                              {in("mask", mask), number(in.function, "rate", rate),
                               word(in.function, "seed", seed), stream, rounded}),
      y, mean, variance, x, gamma, beta, moments, mask);
}

BoundStep batch_norm_inference(const py::object& y, const py::object& x, const py::object& gamma,
                               const py::object& beta, const py::object& moving_mean,
                               const py::object& moving_variance, const py::object& epsilon,
                               const py::object& activation, const py::object& alpha) {
  const BatchNormCall in{"batch_norm_inference"};
  return bound(
      ops::batch_norm_inference(in("y", y), in("x", x), in("gamma", gamma), in("beta", beta),
                                in("moving_mean", moving_mean), in("moving_variance", moving_variance),
                                in.options(epsilon, activation, alpha)),
      y, x, gamma, beta, moving_mean, moving_variance);
}

BoundStep batch_norm_backward(const py::object& dx, const py::object& dgamma, const py::object& dbeta,
                              const py::object& dy, const py::object& x, const py::object& y,
                              const py::object& mean, const py::object& variance, const py::object& gamma,
                              const py::object& epsilon, const py::object& activation,
                              const py::object& alpha, const py::object& mask, const py::object& rate,
                              bool rounded) {
  const BatchNormCall in{"batch_norm_backward"};
  const ops::BatchNormGradientViews gradients{in("dx", dx), in("dgamma", dgamma), in("dbeta", dbeta)};
  return bound(ops::batch_norm_backward(gradients, in("dy", dy), in("x", x), in("y", y), in("mean", mean),
                                        in("variance", variance), in("gamma", gamma),
                                        in.options(epsilon, activation, alpha),
                                        {in("mask", mask), number(in.function, "rate", rate), 0, 0, rounded}),
               dx, dgamma, dbeta, dy, x, y, mean, variance, gamma, mask);
}

BoundStep batch_norm_inference_backward(const py::object& dx, const py::object& dgamma,
                                        const py::object& dbeta, const py::object& dy, const py::object& x,
                                        const py::object& y, const py::object& gamma,
                                        const py::object& moving_mean, const py::object& moving_variance,
                                        const py::object& epsilon, const py::object& activation,
                                        const py::object& alpha) {
  const BatchNormCall in{"batch_norm_inference_backward"};
  const ops::BatchNormGradientViews gradients{in("dx", dx), in("dgamma", dgamma), in("dbeta", dbeta)};
  return bound(ops::batch_norm_inference_backward(gradients, in("dy", dy), in("x", x), in("y", y),
                                                  in("gamma", gamma), in("moving_mean", moving_mean),
                                                  in("moving_variance", moving_variance),
                                                  in.options(epsilon, activation, alpha)),
               dx, dgamma, dbeta, dy, x, y, gamma, moving_mean, moving_variance);
}

BoundStep batch_norm_update(const py::object& moving_mean, const py::object& moving_variance,
                            const py::object& mean, const py::object& variance, const py::object& momentum,
                            const py::object& correction, const py::object& from_first) {
  const BatchNormCall in{"batch_norm_update"};
  const ops::MovingAverageOptions options{number(in.function, "momentum", momentum),
                                          number(in.function, "correction", correction),
                                          flag(in.function, "from_first", from_first)};
  return bound(ops::batch_norm_update(in("moving_mean", moving_mean), in("moving_variance", moving_variance),
                                      in("mean", mean), in("variance", variance), options),
               moving_mean, moving_variance, mean, variance);
}

}  // namespace

void bind_batch_norm(py::module_& m) {
  m.def("batch_norm_forward", &batch_norm_forward, py::arg("y"), py::arg("mean"), py::arg("variance"),
        py::arg("x"), py::arg("gamma"), py::arg("beta"), py::arg("epsilon"), py::arg("activation"),
        py::arg("alpha"), py::arg("moments") = py::none(), py::arg("moment_rows") = 0,
        py::arg("mask") = py::none(), py::arg("rate") = 0.0, py::arg("seed") = 0, py::arg("stream") = 0,
        py::arg("rounded") = false,
        "y = activation(gamma * normalized x + beta) by the batch's mean and biased variance, which are "
        "written. With dropout in the same pass, whose mask tells what it and the activation let pass; on a "
        "device from the moments that dense_forward has left.");
  m.def("batch_norm_inference", &batch_norm_inference, py::arg("y"), py::arg("x"), py::arg("gamma"),
        py::arg("beta"), py::arg("moving_mean"), py::arg("moving_variance"), py::arg("epsilon"),
        py::arg("activation"), py::arg("alpha"), "The same by the moving statistics; y may be x.");
  m.def("batch_norm_backward", &batch_norm_backward, py::arg("dx"), py::arg("dgamma"), py::arg("dbeta"),
        py::arg("dy"), py::arg("x"), py::arg("y"), py::arg("mean"), py::arg("variance"), py::arg("gamma"),
        py::arg("epsilon"), py::arg("activation"), py::arg("alpha"), py::arg("mask") = py::none(),
        py::arg("rate") = 0.0, py::arg("rounded") = false, "Gradients of batch_norm_forward; dx may be dy.");
  m.def("batch_norm_inference_backward", &batch_norm_inference_backward, py::arg("dx"), py::arg("dgamma"),
        py::arg("dbeta"), py::arg("dy"), py::arg("x"), py::arg("y"), py::arg("gamma"), py::arg("moving_mean"),
        py::arg("moving_variance"), py::arg("epsilon"), py::arg("activation"), py::arg("alpha"),
        "Gradients of batch_norm_inference; dx may be dy.");
  m.def("batch_norm_update", &batch_norm_update, py::arg("moving_mean"), py::arg("moving_variance"),
        py::arg("mean"), py::arg("variance"), py::arg("momentum"), py::arg("correction"),
        py::arg("from_first"), "moving = moving * momentum + batch * (1 - momentum), for mean and variance.");
}

}  // namespace densor::bindings
