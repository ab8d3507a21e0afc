#include "ops/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "core/check.h"
#include "core/error.h"
#include "core/name.h"
#include "cpu/dispatch.h"
#include "math/clip.h"

namespace densor::ops {

namespace {

constexpr std::int64_t kBlock = 4096;  // elements whose squares are summed together

struct Segment {
  std::int64_t begin, end;
  bool decayed;
  std::int64_t first_block, last_block;  // [first, last) in the list of blocks
};

struct Rule {
  int index, slots, coefficients;
};

Rule rule_named(const Check& check, const std::string& name) {
  std::vector<std::string> names;
  std::vector<Rule> rules;
  math::OptimizerRules::each([&](int index, auto rule) {
    names.emplace_back(rule.kName);
    rules.push_back({index, rule.kSlots, rule.kCoefficients});
  });
  return rules[static_cast<std::size_t>(index_of_name(check.function(), "rule", name, names))];
}

// The segments in ascending order, within [0, n) and apart.
std::vector<Segment> read_segments(const Check& check, const View& segments, const View& decayed,
                                   std::int64_t n) {
  check.input("segments", segments, DType::i64, {kAny, 2});
  check.input("decayed", decayed, DType::u8, {segments.rows()});
  std::vector<Segment> result;
  for (std::int64_t k = 0; k < segments.rows(); ++k) {
    const auto* pair = segments.as<const std::int64_t>() + 2 * k;
    if (pair[0] < 0 || pair[1] < 0 || pair[0] > n || pair[1] > n - pair[0])
      check.fail("segments", "segment " + std::to_string(k) + " (offset " + std::to_string(pair[0]) +
                                 ", size " + std::to_string(pair[1]) + ") does not lie in the " +
                                 std::to_string(n) + " parameters");
    result.push_back({pair[0], pair[0] + pair[1], decayed.as<const std::uint8_t>()[k] != 0, 0, 0});
  }
  std::sort(result.begin(), result.end(),
            [](const Segment& a, const Segment& b) { return a.begin < b.begin; });
  for (std::size_t k = 0; k + 1 < result.size(); ++k)
    if (result[k + 1].begin < result[k].end)
      check.fail("segments", "two segments overlap at offset " + std::to_string(result[k + 1].begin));
  return result;
}

class Pass {
 public:
  Pass(const View& parameters, const View& gradients, const std::vector<View>& slots, const Rule& rule,
       std::vector<Segment> segments, const Clipping& clipping)
      : update_(cpu::active().optimizer[rule.index]),
        sum_of_squares_(cpu::active().sum_of_squares),
        slots_(rule.slots),
        n_(parameters.size()),
        coefficients_(rule.coefficients),
        segments_(std::move(segments)),
        norm_(clipping.norm.value_or(0.0)),
        global_norm_(clipping.global_norm.value_or(0.0)) {
    range_.w = parameters.f32();
    range_.g = gradients.f32();
    for (std::size_t k = 0; k < slots.size(); ++k) range_.slots[k] = slots[k].f32();
    range_.clip_factor = 1.0f;
    range_.clip_value = std::numeric_limits<float>::infinity();
    if (clipping.value) range_.clip_value = static_cast<float>(*clipping.value);
    if (norm_ > 0.0 || global_norm_ > 0.0) cut_into_blocks();
  }

  void run(Worker& worker) {
    cpu::OptimizerRange step = range_;
    read_hyper(worker.batch, step);
    if (!block_begins_.empty()) {
      sum_blocks(worker);
      worker.barrier();
      if (global_norm_ > 0.0) step.clip_factor = clip_factor(0, block_begins_.size(), global_norm_);
    }
    const Range mine = worker.split(n_, kLine);
    auto segment = std::upper_bound(segments_.begin(), segments_.end(), mine.begin,
                                    [](std::int64_t begin, const Segment& s) { return begin < s.end; });
    for (; segment != segments_.end() && segment->begin < mine.end; ++segment)
      update_segment(*segment, mine, step);
  }

 private:
  void cut_into_blocks() {
    for (Segment& segment : segments_) {
      segment.first_block = static_cast<std::int64_t>(block_begins_.size());
      for (std::int64_t begin = segment.begin; begin < segment.end; begin += kBlock) {
        block_begins_.push_back(begin);
        block_sizes_.push_back(std::min(kBlock, segment.end - begin));
      }
      segment.last_block = static_cast<std::int64_t>(block_begins_.size());
    }
    sums_.resize(block_begins_.size());
  }

  void read_hyper(const Batch& batch, cpu::OptimizerRange& step) const {
    if (batch.hyper == nullptr || batch.hyper_count != 1 + coefficients_)
      throw Error(ErrorKind::value, "optimizer", "hyper",
                  "expected " + std::to_string(1 + coefficients_) +
                      " columns (decay and coefficients), got " +
                      (batch.hyper == nullptr ? "None" : std::to_string(batch.hyper_count)));
    step.decay = batch.hyper[0];
    step.coefficients = batch.hyper + 1;
  }

  void sum_blocks(Worker& worker) {
    const Range mine = worker.split(static_cast<std::int64_t>(sums_.size()), 8);
    for (auto b = static_cast<std::size_t>(mine.begin); b < static_cast<std::size_t>(mine.end); ++b)
      sums_[b] = sum_of_squares_(range_.g + block_begins_[b], block_sizes_[b]);
  }

  // In the order of the blocks, by every worker alike.
  float clip_factor(std::int64_t first, std::int64_t last, double c) const {
    double sum = 0.0;
    for (std::int64_t b = first; b < last; ++b) sum += sums_[static_cast<std::size_t>(b)];
    return math::clip_factor(std::sqrt(sum), c);
  }

  void update_segment(const Segment& segment, const Range& mine, cpu::OptimizerRange step) const {
    const std::int64_t begin = std::max(segment.begin, mine.begin), end = std::min(segment.end, mine.end);
    if (begin >= end) return;
    step.w += begin;
    step.g += begin;
    for (int k = 0; k < slots_; ++k) step.slots[k] += begin;
    if (!segment.decayed) step.decay = 0.0f;
    if (norm_ > 0.0) step.clip_factor = clip_factor(segment.first_block, segment.last_block, norm_);
    update_(step, end - begin);
  }

  void (*update_)(const cpu::OptimizerRange&, std::int64_t);
  double (*sum_of_squares_)(const float*, std::int64_t);
  cpu::OptimizerRange range_{};
  int slots_;
  std::int64_t n_, coefficients_;
  std::vector<Segment> segments_;
  double norm_, global_norm_;  // 0: no such clipping
  std::vector<std::int64_t> block_begins_, block_sizes_;
  std::vector<double> sums_;  // by block
};

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

void check_arrays(const Check& check, const View& parameters, const View& gradients,
                  const std::vector<View>& slots, const Rule& rule, const std::string& name) {
  check.output("parameters", parameters, DType::f32, {kAny});
  check.input("gradients", gradients, DType::f32, {parameters.size()});
  check.disjoint("gradients", gradients, "parameters", parameters);
  if (slots.size() != static_cast<std::size_t>(rule.slots))
    check.fail("slots", "rule '" + name + "' takes " + std::to_string(rule.slots) + " arrays, got " +
                            std::to_string(slots.size()));
  for (std::size_t k = 0; k < slots.size(); ++k) {
    check.output("slots", slots[k], DType::f32, {parameters.size()});
    check.disjoint("slots", slots[k], "parameters", parameters);
    check.disjoint("slots", slots[k], "gradients", gradients);
    for (std::size_t j = 0; j < k; ++j) check.disjoint("slots", slots[k], "slots", slots[j]);
  }
}

}  // namespace

Step optimizer(const View& parameters, const View& gradients, const std::vector<View>& slots,
               const View& segments, const View& decayed, const std::string& name, const Clipping& clipping) {
  const Check check("optimizer");
  const Rule rule = rule_named(check, name);
  check_arrays(check, parameters, gradients, slots, rule, name);
  check_clipping(check, clipping);
  auto pass = std::make_shared<Pass>(parameters, gradients, slots, rule,
                                     read_segments(check, segments, decayed, parameters.size()), clipping);
  Step step;
  step.name = "optimizer";
  step.work = (0.2 + 0.2 * rule.slots) * static_cast<double>(parameters.size());
  step.run = [pass](Worker& worker) { pass->run(worker); };
  return step;
}

}  // namespace densor::ops
