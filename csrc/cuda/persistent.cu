// One kernel that runs the phases of many batches: every block walks all of them, takes its share of each,
// and waits for the others where a phase touches what another one wrote. Costs a meeting of all blocks, about
// a microsecond, where a graph costs a launch; the batch's arrays never leave the L2 cache of a GPU.
#include "cuda/device/phase.cuh"
#include "cuda/phases/accumulate.cuh"
#include "cuda/phases/accuracy.cuh"
#include "cuda/phases/activation.cuh"
#include "cuda/phases/add.cuh"
#include "cuda/phases/batch_norm.cuh"
#include "cuda/phases/batch_norm_gradients.cuh"
#include "cuda/phases/column_sum.cuh"
#include "cuda/phases/concatenate.cuh"
#include "cuda/phases/dropout.cuh"
#include "cuda/phases/gather.cuh"
#include "cuda/phases/lamb.cuh"
#include "cuda/phases/mean_absolute_error.cuh"
#include "cuda/phases/mean_squared_error.cuh"
#include "cuda/phases/multiply.cuh"
#include "cuda/phases/norm_constraint.cuh"
#include "cuda/phases/optimizer.cuh"
#include "cuda/phases/penalty.cuh"
#include "cuda/phases/refuse_nonfinite.cuh"
#include "cuda/phases/sigmoid_cross_entropy.cuh"
#include "cuda/phases/softmax_cross_entropy.cuh"
#include "cuda/phases/standardize.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

template <class... P>
struct PhaseList {
  // f(P) for the one of this kind; p is a null pointer that says which.
  template <class F>
  __device__ static void choose(PhaseKind kind, F f) {
    ((kind == P::kKind ? f(static_cast<const P*>(nullptr)) : void()), ...);
  }
  static bool has(PhaseKind kind) { return ((kind == P::kKind) || ...); }
};

using KnownPhases = PhaseList<
    NextBatch, GatherRows<float, Same>, GatherRows<float, Rescaled>, GatherRows<double, Rescaled>,
    GatherRows<std::uint8_t, Rescaled>, GatherLabels<std::uint8_t>, GatherLabels<std::int32_t>,
    GatherLabels<std::int64_t>, SmallMultiply, ActivationForward<float>, ActivationBackward<float>,
    DropoutForward, DropoutBackward, BatchNormForward<float, ChosenActivation>, BatchNormMoments<float>,
    BatchNormNormalize<true, float, ChosenActivation>, BatchNormNormalize<false, float, ChosenActivation>,
    BatchNormDropout<true, float, LinearOrRelu>, BatchNormUpdate, BatchNormBackward<float, ChosenActivation>,
    BatchNormBackward<float, Masked>, BatchNormSums<false, float, ChosenActivation>,
    BatchNormSums<false, float, Masked>, BatchNormFactors, BatchNormInputGradient<float, ChosenActivation>,
    BatchNormInputGradient<float, Masked>, Add, CopyMatrix, Standardize, ColumnSum<float>, AddParts<float>,
    SoftmaxCrossEntropy<WarpTeam>, ColumnLoss<math::MeanSquaredError, WarpTeam>,
    SingleColumnLoss<math::MeanSquaredError>, ColumnLoss<math::MeanAbsoluteError, WarpTeam>,
    SingleColumnLoss<math::MeanAbsoluteError>, ColumnLoss<math::SigmoidCrossEntropy, WarpTeam>,
    SingleColumnLoss<math::SigmoidCrossEntropy>, AccuracySparse, AccuracyCategorical, AccuracyBinary,
    Accumulate, PenaltyPieces<kPhasePenalties>, PenaltyTotal, RefuseTotals, RefuseGradients, PrepareGradients,
    GradientSquares, LambMoments, OptimizerUpdate, ConstrainColumns>;

// The blocks of a phase that are this block's.
template <class P>
__device__ DENSOR_OUT_OF_LINE void take_part(const Phase& phase) {
  // Not memcpy, which reads shared memory byte by byte.
  const P part = *reinterpret_cast<const P*>(phase.arguments);
  const GridShape shape = phase.shape;
  const unsigned count = shape.blocks_x * shape.blocks_y;
  for (unsigned block = (blockIdx.x + gridDim.x - phase.first % gridDim.x) % gridDim.x; block < count;
       block += gridDim.x)
    part(Place{shape, block % shape.blocks_x, block / shape.blocks_x, threadIdx.x % shape.threads_x,
               threadIdx.x / shape.threads_x});
}

__global__ void __launch_bounds__(kThreads, 1) persistent_kernel(PersistentRun run) {
  Phase* phases = dynamic_shared<Phase>();
  const auto words = static_cast<unsigned>(run.count * sizeof(Phase) / sizeof(std::uint32_t));
  for (unsigned i = threadIdx.x; i < words; i += kThreads)
    reinterpret_cast<std::uint32_t*>(phases)[i] = reinterpret_cast<const std::uint32_t*>(run.phases)[i];
  __syncthreads();
  unsigned goal = run.arrived_before;
  for (std::int64_t batch = 0; batch < run.batches; ++batch)
    for (int i = 0; i < run.count; ++i) {
      if (phases[i].fence) {
        goal += gridDim.x;
        meet(run.arrived, goal);
      }
      KnownPhases::choose(phases[i].kind,
                          [&](auto p) { take_part<std::remove_cvref_t<decltype(*p)>>(phases[i]); });
    }
}

std::size_t shared_bytes(std::int64_t phases) { return sizeof(Phase) * static_cast<std::size_t>(phases); }

unsigned persistent_blocks(const Phases& phases) {
  if (!phases.complete()) return 0;
  for (const Phase& phase : phases.list())
    if (!KnownPhases::has(phase.kind)) return 0;
  const unsigned most =
      co_resident(persistent_kernel, kThreads, shared_bytes(static_cast<std::int64_t>(phases.list().size())));
  return most < phases.widest() ? most : phases.widest();
}

void persistent(const Queue& queue, const PersistentRun& run) {
  launch_together(queue, persistent_kernel, run.blocks, kThreads, shared_bytes(run.count), run);
}

// Phases that would read the sums read the results: those are at hand, in the L2 cache.
GemmFinish without_sums(GemmFinish finish) {
  finish.sums = {};
  return finish;
}

void multiply(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
              const GemmFinish& finish) {
  constexpr std::int64_t kMost = INT32_MAX / 2;
  if (operands.halves || p.m > kMost || p.n > kMost || p.k > kMost) return queue.phases->refuse();
  const auto side = [](std::int64_t n) { return divide_up(n, SmallMultiply::kSide); };
  // Tiles of 32 x 32 that do not occupy half of the largest device.
  const bool shared = side(p.m) * side(p.n) < 64 && p.k > SmallMultiply::kFew;
  const SmallMultiply phase{static_cast<int>(p.m),
                            static_cast<int>(p.n),
                            static_cast<int>(p.k),
                            p.transpose_a,
                            p.transpose_b,
                            shared,
                            operands,
                            without_sums(finish)};
  note_phase(queue, phase,
             dim3(static_cast<unsigned>(phase.tiles_down()), static_cast<unsigned>(phase.tiles_across())),
             kThreads,
             {span(operands.a, p.m * p.k), span(operands.b, p.k * p.n), span(finish.bias, p.n),
              span(operands.batch), span(finish.slope.mask, p.m * math::mask_words(p.n)),
              span(finish.slope.saved, p.m * p.n), span(finish.dropout.batch)},
             {span(operands.c, p.m * p.n), span(finish.z, p.m * p.n),
              span(finish.dropout.mask, p.m * math::mask_words(p.n))});
}

}  // namespace

void fill_persistent(Launchers& table) {
  table.persistent_blocks = persistent_blocks;
  table.persistent = persistent;
  table.multiply_phase = multiply;
}

}  // namespace densor::cuda
