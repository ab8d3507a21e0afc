#include "ops/optimizer.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "core/check.h"
#include "core/name.h"
#include "core/parallel.h"
#include "ops/shared/device_optimizer.h"
#include "ops/shared/optimizer_pass.h"

namespace densor::ops {

namespace {

template <class Wanted>
int index_of() {
  int found = 0;
  math::OptimizerRules::each([&found](int index, auto rule) {
    if (std::is_same_v<decltype(rule), Wanted>) found = index;
  });
  return found;
}

OptimizerRule rule_named(const Check& check, const std::string& name) {
  std::vector<std::string> names;
  std::vector<OptimizerRule> rules;
  math::OptimizerRules::each([&](int index, auto rule) {
    names.emplace_back(rule.kName);
    rules.push_back({index, rule.kSlots, rule.kCoefficients, rule.kRates, rule.kTrustRatio, rule.kPreparation,
                     index_of<math::MuonAdam>()});
  });
  return rules[static_cast<std::size_t>(index_of_name(check.function(), "rule", name, names))];
}

void check_multipliers(const Check& check, const View& multipliers, std::int64_t count) {
  if (!multipliers) return;
  check.input("multipliers", multipliers, DType::f32, {count});
  for (std::int64_t k = 0; k < count; ++k)
    check.number("multipliers", multipliers.f32()[k], 0.0, std::numeric_limits<float>::max());
}

// The segments in ascending order, within [0, n) and apart.
std::vector<OptimizerSegment> read_segments(const Check& check, const OptimizerSegments& given,
                                            std::int64_t n, bool masked) {
  const View& bounds = given.bounds;
  check.input("segments", bounds, DType::i64, {kAny, 2});
  check.input("decayed", given.decayed, DType::u8, {bounds.rows()});
  check_multipliers(check, given.multipliers, bounds.rows());
  std::vector<OptimizerSegment> result;
  for (std::int64_t k = 0; k < bounds.rows(); ++k) {
    const auto* pair = bounds.as<const std::int64_t>() + 2 * k;
    if (pair[0] < 0 || pair[1] < 0 || pair[0] > n || pair[1] > n - pair[0])
      check.fail("segments", "segment " + std::to_string(k) + " (offset " + std::to_string(pair[0]) +
                                 ", size " + std::to_string(pair[1]) + ") does not lie in the " +
                                 std::to_string(n) + " parameters");
    if (masked && pair[0] % kLine != 0)
      check.fail("segments", "segment " + std::to_string(k) + " begins at " + std::to_string(pair[0]) +
                                 ", with a mask it must be a multiple of 16");
    const bool decayed = given.decayed.as<const std::uint8_t>()[k] != 0;
    result.push_back({pair[0], pair[0] + pair[1], k, decayed});
  }
  std::sort(result.begin(), result.end(),
            [](const OptimizerSegment& a, const OptimizerSegment& b) { return a.begin < b.begin; });
  for (std::size_t k = 0; k + 1 < result.size(); ++k)
    if (result[k + 1].begin < result[k].end)
      check.fail("segments", "two segments overlap at offset " + std::to_string(result[k + 1].begin));
  return result;
}

void check_clipping(const Check& check, const Clipping& clipping) {
  const auto positive = [&check](const char* argument, const std::optional<double>& c) {
    if (c) check.number(argument, *c, std::numeric_limits<float>::min(), std::numeric_limits<float>::max());
  };
  positive("clipvalue", clipping.value);
  positive("clipnorm", clipping.norm);
  positive("global_clipnorm", clipping.global_norm);
  const int given = clipping.value.has_value() + clipping.norm.has_value() + clipping.global_norm.has_value();
  if (given > 1)
    check.fail(clipping.norm ? "clipnorm" : "global_clipnorm",
               "only one of clipvalue, clipnorm and global_clipnorm can be used");
}

void check_arrays(const Check& check, const OptimizerArenas& a, const OptimizerRule& rule,
                  const std::string& name) {
  const std::int64_t n = a.parameters.size();
  check.output("parameters", a.parameters, DType::f32, {kAny});
  check.input("gradients", a.gradients, DType::f32, {n});
  if (a.accumulator || a.mask) check.output("gradients", a.gradients, DType::f32, {n});
  check.optional_output("average", a.average, DType::f32, {n});
  check.optional_output("accumulator", a.accumulator, DType::f32, {n});
  check.optional_input("mask", a.mask, DType::u16, {(n + kLine - 1) / kLine});
  if (a.slots.size() != static_cast<std::size_t>(rule.slots))
    check.fail("slots", "rule '" + name + "' takes " + std::to_string(rule.slots) + " arrays, got " +
                            std::to_string(a.slots.size()));
  std::vector<NamedView> all{{"parameters", a.parameters}, {"gradients", a.gradients}};
  for (const View& slot : a.slots) {
    check.output("slots", slot, DType::f32, {n});
    all.push_back({"slots", slot});
  }
  all.push_back({"average", a.average});
  all.push_back({"accumulator", a.accumulator});
  for (std::size_t k = 1; k < all.size(); ++k)
    for (std::size_t j = 0; j < k; ++j) check.disjoint(all[k].name, all[k].view, all[j].name, all[j].view);
}

void check_readers(const Check& check, const OptimizerArenas& arenas, const OptimizerRule& rule) {
  const char* reason = rule.trust_ratio || rule.preparation != math::Preparation::none
                           ? "a rule that reads whole variables first"
                       : arenas.accumulator ? "an accumulator"
                       : arenas.mask        ? "a mask"
                                            : nullptr;
  if (reason != nullptr)
    check.fail("computed", std::string("must be empty with ") + reason + ", which needs the whole gradient");
}

KnownSquares read_squares(const Check& check, const GradientSquares& given, const OptimizerArenas& arenas,
                          std::int64_t segments) {
  const auto count = static_cast<std::size_t>(given.segments ? given.segments.size() : 0);
  if (given.segments) check.input("squared", given.segments, DType::i64, {kAny});
  if (given.sums.size() != count)
    check.fail("squares", "expected an array for each of the " + std::to_string(count) + " segments, got " +
                              std::to_string(given.sums.size()));
  if (count > 0 && (arenas.accumulator || arenas.mask))
    check.fail("squares", "must be empty with an accumulator or a mask, which change the gradients");
  KnownSquares known;
  for (std::size_t k = 0; k < count; ++k) {
    const std::int64_t segment = given.segments.as<const std::int64_t>()[k];
    if (segment < 0 || segment >= segments)
      check.fail("squared", "there is no segment " + std::to_string(segment));
    check.input("squares", given.sums[k], DType::f64, {kAny});
    known.all.push_back({segment, given.sums[k].as<const double>(), given.sums[k].size()});
  }
  return known;
}

// The optimizer changes its arenas while it reads what gradients are made of.
void check_apart(const Check& check, const OptimizerArenas& arenas, const ComputedGradients& computed) {
  for (std::size_t k = 0; k < computed.dz.size(); ++k) {
    const View &x = computed.x[k], &dz = computed.dz[k];
    check.disjoint({{"parameters", arenas.parameters}, {"average", arenas.average}}, {{"x", x}, {"dz", dz}});
    for (const View& slot : arenas.slots) check.disjoint({{"slots", slot}}, {{"x", x}, {"dz", dz}});
  }
}

// The shapes of the segments, for rules that prepare matrices; muon takes plain ones only.
void read_shapes(const Check& check, const OptimizerSegments& given, const OptimizerRule& rule,
                 std::vector<OptimizerSegment>& segments) {
  if (rule.preparation == math::Preparation::none) return;
  check.input("matrices", given.matrices, DType::i64, {given.bounds.rows(), 3});
  for (OptimizerSegment& segment : segments) {
    const auto* sizes = given.matrices.as<const std::int64_t>() + 3 * segment.index;
    const auto label = "segment " + std::to_string(segment.index);
    if (sizes[0] < 1 || sizes[1] < 0 || sizes[2] < 0)
      check.fail("matrices", label + " has negative sizes, or no matrix");
    if (sizes[1] > 0 &&
        checked_multiply(check.function(), checked_multiply(check.function(), sizes[0], sizes[1]),
                         sizes[2]) != segment.end - segment.begin)
      check.fail("matrices", label + " has another size");
    if (rule.preparation == math::Preparation::orthogonal && sizes[1] > 0 && sizes[0] != 1)
      check.fail("matrices", label + " must be one matrix");
    segment.shape = {sizes[0], sizes[1], sizes[2]};
  }
}

NewtonSchulz read_iterations(const Check& check, const View& given, const OptimizerRule& rule) {
  if (rule.preparation != math::Preparation::orthogonal) return {};
  check.input("iterations", given, DType::f64, {7});
  const auto* p = given.as<const double>();
  constexpr double kMost = 1e6;
  check.number("iterations", p[0], 0.0, 1.0);
  check.number("iterations", p[2], 0.0, 1000.0);
  for (int k = 3; k < 6; ++k) check.number("iterations", p[k], -kMost, kMost);
  check.number("iterations", p[6], 0.0, kMost);
  return {p[0],
          p[1] != 0.0,
          static_cast<int>(p[2]),
          static_cast<float>(p[3]),
          static_cast<float>(p[4]),
          static_cast<float>(p[5]),
          p[6]};
}

cuda::OptimizerPass device_pass(const cpu::OptimizerRange& range, const OptimizerArenas& arenas,
                                const OptimizerRule& rule, const Clipping& clipping,
                                const OptimizerExtras& extras) {
  cuda::OptimizerPass pass{};
  pass.range = range;
  pass.gradients = arenas.gradients.f32();
  pass.size = arenas.gradients.size();
  pass.accumulator = extras.accumulator;
  pass.accumulation_scale = extras.accumulation_scale;
  pass.rule = rule.index;
  pass.plain_rule = rule.preparation == math::Preparation::orthogonal ? rule.plain : -1;
  pass.coefficients = rule.coefficients;
  pass.rates = rule.rates;
  pass.trust_ratio = rule.trust_ratio;
  pass.norm = clipping.norm.value_or(0.0);
  pass.global_norm = clipping.global_norm.value_or(0.0);
  return pass;
}

}  // namespace

bool optimizer_needs_norms(const std::string& rule) {
  const OptimizerRule found = rule_named(Check("optimizer_needs_norms"), rule);
  return found.trust_ratio || found.preparation != math::Preparation::none;
}

Step optimizer(const OptimizerArenas& arenas, const OptimizerSegments& segments, const std::string& name,
               const Clipping& clipping, std::int64_t accumulation_steps, double scale,
               const ComputedGradients& computed, const GradientSquares& squares) {
  const Check check("optimizer");
  const OptimizerRule rule = rule_named(check, name);
  check_arrays(check, arenas, rule, name);
  check_clipping(check, clipping);
  check.number("scale", scale, std::numeric_limits<float>::min(), std::numeric_limits<float>::max());
  const std::int64_t n = arenas.parameters.size();
  cpu::OptimizerRange range{};
  range.w = arenas.parameters.f32();
  range.g = arenas.gradients.f32();
  for (std::size_t k = 0; k < arenas.slots.size(); ++k) range.slots[k] = arenas.slots[k].f32();
  range.average = arenas.average.f32();
  range.mask = arenas.mask.as<const std::uint16_t>();
  range.clip_factor = static_cast<float>(scale);
  range.clip_value = std::numeric_limits<float>::infinity();
  if (clipping.value) range.clip_value = static_cast<float>(*clipping.value);
  const OptimizerExtras extras{range.average,
                               arenas.accumulator.f32(),
                               range.mask,
                               segments.multipliers.f32(),
                               1.0f / static_cast<float>(accumulation_steps),
                               static_cast<float>(scale)};
  auto variables = read_segments(check, segments, n, static_cast<bool>(arenas.mask));
  read_shapes(check, segments, rule, variables);
  const NewtonSchulz iterations = read_iterations(check, segments.iterations, rule);
  auto gradients = read_computed(check, computed, arenas.gradients, segments.bounds);
  check_apart(check, arenas, computed);
  if (!gradients.empty()) check_readers(check, arenas, rule);
  std::vector<NamedView> kept{{"parameters", arenas.parameters},
                              {"gradients", arenas.gradients},
                              {"average", arenas.average},
                              {"accumulator", arenas.accumulator},
                              {"mask", arenas.mask}};
  for (const View& slot : arenas.slots) kept.push_back({"slots", slot});
  for (const View& sums : squares.sums) kept.push_back({"squares", sums});
  const KnownSquares known = read_squares(check, squares, arenas, segments.bounds.rows());
  if (on_device(check, kept)) {
    if (!gradients.empty()) check.fail("computed", "must be empty on a device");
    return optimizer_on_device(check, device_pass(range, arenas, rule, clipping, extras), rule, variables,
                               segments.multipliers.f32(), iterations, known);
  }
  if (!known.all.empty()) check.fail("squares", "must be empty on a CPU");
  Step step;
  step.name = "optimizer";
  const double arrays =
      1.0 + rule.slots + static_cast<bool>(arenas.average) + static_cast<bool>(arenas.accumulator);
  step.work = 0.2 * arrays * static_cast<double>(n);
  for (const WeightGradient& gradient : gradients) {
    step.work += gradient.nanoseconds();
    step.scratch = std::max(step.scratch, gradient.scratch());
  }
  auto pass = std::make_shared<OptimizerPass>(range, n, arenas.gradients.f32(), rule, index_of<math::Hold>(),
                                              std::move(variables), clipping.norm.value_or(0.0),
                                              clipping.global_norm.value_or(0.0), extras,
                                              std::move(gradients), iterations);
  step.work += pass->nanoseconds();
  step.scratch = std::max(step.scratch, pass->scratch());
  step.run = [pass](Worker& worker) { pass->run(worker); };
  return step;
}

}  // namespace densor::ops
