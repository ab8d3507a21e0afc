#include "ops/circle_loss.h"

#include "core/check.h"
#include "cpu/dispatch.h"
#include "ops/shared/device_step.h"

namespace densor::ops {

Step circle_loss(const View& loss, const View& dx, const View& x, const View& label, const View& reference,
                 double gamma, double margin, bool without_diagonal) {
  const Check check("circle_loss");
  check.matrix("x", x);
  check.output("loss", loss, DType::f32, {x.rows()});
  check.optional_output("dx", dx, DType::f32, {x.rows(), x.cols()});
  check.input("label", label, DType::f32, {x.rows()});
  check.input("reference", reference, DType::f32, {x.cols()});
  check.number("gamma", gamma, 0.0, 1e30);
  check.number("margin", margin, -1e30, 1e30);
  check.disjoint({{"loss", loss}, {"dx", dx}}, {{"label", label}, {"reference", reference}});
  check.disjoint("loss", loss, "x", x);
  check.same_or_disjoint("dx", dx, "x", x);
  cpu::CircleRows rows{loss.f32(),
                       dx.f32(),
                       x.f32(),
                       label.f32(),
                       reference.f32(),
                       x.rows(),
                       x.cols(),
                       0,
                       static_cast<float>(gamma),
                       static_cast<float>(margin),
                       without_diagonal};
  if (on_device(check, {{"loss", loss}, {"dx", dx}, {"x", x}, {"label", label}, {"reference", reference}}))
    return device_step(check, cuda::launchers().circle_loss, rows);
  Step step;
  step.name = check.function();
  step.work = 2.5 * static_cast<double>(x.size()) + 100.0 * static_cast<double>(x.rows());
  step.run = [rows, kernel = cpu::active().circle_loss](Worker& worker) {
    const Range mine = worker.split(rows.rows);
    cpu::CircleRows part = rows;
    part.loss += mine.begin;
    part.label += mine.begin;
    part.x += mine.begin * rows.cols;
    if (part.dx != nullptr) part.dx += mine.begin * rows.cols;
    part.rows = mine.size();
    part.first = mine.begin;
    kernel(part);
  };
  return step;
}

}  // namespace densor::ops
