// c = activation(a b + bias) on Hopper's matrix units (sm_90a), float32 as sums of bfloat16 terms: 1, 3 or 6
// products of terms stand for one of float32 (math/bf16_split.h), the smallest first.
//
// Operands are split once, by a kernel of their own (pack.cuh), into scratch memory, as images of tiles: the
// split costs no register and no issue slot of the main loop, each tile comes by one bulk copy whatever m, n,
// k and transposition are (no tensor maps, hence nothing of the driver's interface), and every product reads
// both operands from shared memory. It costs 4 bytes read and 2, 4 or 6 written for each element of a and b,
// once; of six products at 8192 x 4096 x 4096 a twentieth of the time.
//
// A block has 128 x kCols of c: one warp copies, two groups of four warps multiply 64 rows each. Stages of a
// ring in shared memory are `full` when their bytes have come and `empty` when all eight warps are done with
// them. The units' own sums are rounded towards zero, so every 128 terms they move to sums of float32,
// rounded to nearest. One product with 256 columns has no registers for that; its operands are rounded to 8
// bits anyway. An element whose sum is not finite is computed again by multiply-adds. Where there are fewer
// tiles than multiprocessors, k is cut into parts whose sums a last kernel adds in ascending order: the bits
// are the same every time.
#include "cuda/gemm/pack.cuh"
#include "cuda/gemm/parts.h"
#include "cuda/gemm/raster.cuh"
#include "cuda/gemm/sums.cuh"
#include "cuda/gemm/wgmma_finish.cuh"
#include "cuda/table.h"
#include "tile.cuh"

namespace densor::cuda {

namespace {

constexpr int kRows = kWgmmaRows, kGroupRows = 64, kGroupThreads = 128;
constexpr int kConsumers = kRows / kGroupRows * kGroupThreads;
constexpr int kStrips = kConsumers / kWarpSize;          // of 16 rows, a warp's
constexpr int kAllThreads = kConsumers + kGroupThreads;  // the last group copies
constexpr int kCopyRegisters = 40, kMultiplyRegisters = 232;
constexpr int kSharedBytes = 227 * 1024, kAlignment = 1024, kMostStages = 8;
constexpr int kPromote = 128;  // terms
constexpr unsigned kProcessors = 132;

template <int kProducts_, int kCols_>
struct Shape {
  static constexpr int kProducts = kProducts_, kCols = kCols_;
  static constexpr int kPlanes = planes_of(kProducts), kTerms = wgmma_terms(kProducts);
  static constexpr int kRowBytes = 2 * kTerms;
  static constexpr int kPlaneA = kRows * kRowBytes, kPlaneB = kCols * kRowBytes;  // bytes
  static constexpr int kBytesA = kPlanes * kPlaneA, kBytesB = kPlanes * kPlaneB;
  static constexpr int kStage = kBytesA + kBytesB;
  static constexpr int kRoom = kStrips * kCols * static_cast<int>(sizeof(ColumnMoments));  // of sums
  static constexpr int kFit = (kSharedBytes - kAlignment - 2 * kMostStages * 8 - 8 - kRoom) / kStage;
  static constexpr int kStages = kFit < kMostStages ? kFit : kMostStages;
  static constexpr bool kPromoted = kCols < 256;
  static constexpr std::size_t kShared =
      kAlignment + kStages * (kStage + 2 * sizeof(Barrier)) + sizeof(Barrier) + kRoom;
  static_assert(kStages >= 3 && kPlaneA % kAlignment == 0 && kPlaneB % kAlignment == 0);
};

// A ring of stages; one side waits for `full`, the other for `empty`.
template <class S>
struct Ring {
  char* stages;
  Barrier *full, *empty, *met;
  int stage = 0;
  std::uint32_t parity = 0, meetings = 0;

  __device__ explicit Ring(char* memory) {
    stages = memory + (kAlignment - shared_address(memory) % kAlignment) % kAlignment;
    full = reinterpret_cast<Barrier*>(stages + S::kStages * S::kStage);
    empty = full + S::kStages;
    met = empty + S::kStages;
  }
  // For sums, beside the stages.
  __device__ void* room() const { return met + 1; }
  // By all who multiply.
  __device__ void meet() {
    met->arrive_if(true);
    met->wait(meetings++ & 1u);
  }
  __device__ void init() const {
    for (int s = 0; s < S::kStages; ++s) {
      full[s].init(1);
      empty[s].init(kConsumers / kWarpSize);
    }
    met->init(kConsumers);
    publish_barriers();
  }
  __device__ void advance() {
    if (++stage < S::kStages) return;
    stage = 0;
    parity ^= 1;
  }
};

// By one thread: every step of every item of this block.
template <class S>
__device__ __forceinline__ void copy_tiles(Ring<S> ring, const Work& work, const char* a, const char* b) {
  for (std::int64_t index = blockIdx.x; index < work.count(); index += gridDim.x) {
    const Item item(work, index);
    for (std::int64_t step = item.begin; step < item.end; ++step, ring.advance()) {
      ring.empty[ring.stage].wait(ring.parity ^ 1);
      ring.full[ring.stage].arrive_expecting(S::kStage);
      char* to = ring.stages + ring.stage * S::kStage;
      bulk_load(to, a + (item.i * work.blocks + step) * S::kBytesA, S::kBytesA, ring.full[ring.stage]);
      bulk_load(to + S::kBytesA, b + (item.j * work.blocks + step) * S::kBytesB, S::kBytesB,
                ring.full[ring.stage]);
    }
  }
}

// All products of one stage, on their way; `group`: whose rows.
template <class S>
__device__ __forceinline__ void multiply_stage(TileProduct<S::kCols>& product, const char* stage, int group,
                                               bool add) {
  const std::uint32_t of_a =
      shared_address(stage) + static_cast<std::uint32_t>(group * kGroupRows * S::kRowBytes);
  const std::uint32_t of_b = shared_address(stage) + S::kBytesA;
#pragma unroll
  for (int p = 0; p < S::kProducts; ++p)
#pragma unroll
    for (int term = 0; term < S::kTerms; term += 16)
      product.multiply(describe_tile<S::kRowBytes>(of_a + term_of_a(S::kProducts, p) * S::kPlaneA + 2 * term),
                       describe_tile<S::kRowBytes>(of_b + term_of_b(S::kProducts, p) * S::kPlaneB + 2 * term),
                       add || p + term > 0);
}

// total = the sums of an item, by a group of four warps.
template <class S>
__device__ __forceinline__ void multiply_item(float (&total)[S::kCols / 2], Ring<S>& ring, const Item& item,
                                              int group) {
  constexpr int kSteps = kPromote / S::kTerms;
  const bool first_lane = lane_index() == 0;
  TileProduct<S::kCols> product;
  const auto start = [&](bool add) {
    ring.full[ring.stage].wait(ring.parity);
    product.begin();
    multiply_stage<S>(product, ring.stages + ring.stage * S::kStage, group, add);
    product.commit();
  };
  const auto add_steps = [&](int steps) {
    start(false);
    for (int step = 1; step < steps; ++step) {
      const int before = ring.stage;
      ring.advance();
      start(true);
      product.wait_for_others();
      ring.empty[before].arrive_if(first_lane);
    }
    product.wait();
    ring.empty[ring.stage].arrive_if(first_lane);
    ring.advance();
  };
  if constexpr (S::kPromoted) {
#pragma unroll
    for (float& x : total) x = 0.0f;
    for (std::int64_t left = item.end - item.begin; left > 0; left -= kSteps) {
      add_steps(left < kSteps ? static_cast<int>(left) : kSteps);
#pragma unroll
      for (int e = 0; e < S::kCols / 2; ++e) total[e] += product.sum[e];
    }
  } else {
    add_steps(static_cast<int>(item.end - item.begin));
#pragma unroll
    for (int e = 0; e < S::kCols / 2; ++e) total[e] = product.sum[e];
  }
}

// The sums over a tile's results, which are in `total`, by all who multiply.
template <class S>
__device__ __forceinline__ void leave_tile_sums(const GemmSums& sums, const GemmProblem& p, const Item& item,
                                                std::int64_t index, Ring<S>& ring,
                                                const float (&total)[S::kCols / 2]) {
  const GemmTile tile{item.i * kRows, item.j * S::kCols, kRows, S::kCols};
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarpSize, g = lane_index() / 4;
  const int row = warp * (kRows / kStrips) + g;
  if (sums.moments != nullptr) {
    auto* strips = static_cast<ColumnMoments*>(ring.room());
    const float rows = tile.rows_below(rows_of(sums.batch, p.m), row, 2, 8);
#pragma unroll
    for (int first = 0; first < S::kCols / 4; first += 8) {  // eight columns of this lane
      ColumnMoments of[8];
#pragma unroll
      for (int c = 0; c < 8; ++c) {
        const int e = (first + c) / 2 * 4 + c % 2;
        const float column[] = {seen(sums, total[e]), seen(sums, total[e + 2])};
        of[c] = moments_of_rows(column, rows);
      }
      strips[warp * S::kCols + 4 * first + column_of_eight()] = share_eight(of, rows);
    }
    ring.meet();
    leave_moments(sums, p, tile, strips, kStrips, thread, kConsumers);
    ring.meet();
  }
  if (sums.squares != nullptr) {
    const int col = lane_index() % 4 * 2;
    double squares = 0.0;
#pragma unroll
    for (int e = 0; e < S::kCols / 2; ++e)
      if (tile.has(p, row + e % 4 / 2 * 8, col + e / 4 * 8 + e % 2)) squares += square(total[e]);
    auto* of_warp = static_cast<double*>(ring.room());
    squares = warp_sum(squares);
    if (lane_index() == 0) of_warp[warp] = squares;
    ring.meet();
    if (thread == 0) {
      for (int w = 1; w < kStrips; ++w) squares += of_warp[w];
      sums.squares[index] = squares;
    }
    ring.meet();
  }
}

// The packed operands, and the partial sums of parts where there are several.
struct Packed {
  const char *a, *b;
  float* partial;
};

template <class S, class C>
__global__ void __launch_bounds__(kAllThreads, 1)
    wgmma_kernel(GemmProblem problem, GemmOperands operands, GemmFinish finish, Packed packed, Work work,
                 bool pairs) {
  Ring<S> ring(dynamic_shared<char>());
  const int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) ring.init();
  __syncthreads();
  const int group = uniform(thread / kGroupThreads);
  if (group == kConsumers / kGroupThreads) {
    give_registers<kCopyRegisters>();
    if (thread == kConsumers) copy_tiles<S>(ring, work, packed.a, packed.b);
    return;
  }
  take_registers<kMultiplyRegisters>();
  const int row = thread / kWarpSize * 16 + lane_index() / 4;
  for (std::int64_t index = blockIdx.x; index < work.count(); index += gridDim.x) {
    const Item item(work, index);
    // Made where it is used: between there are no registers for it.
    const auto dropout = [&] {
      return TileDropout<kRows, S::kCols>(finish, problem, item.i * kRows, item.j * S::kCols,
                                          static_cast<std::uint16_t*>(ring.room()));
    };
    if (finish.drops() && work.parts == 1) {
      dropout().draw(thread, kConsumers);
      ring.meet();
    }
    float total[S::kCols / 2];
    multiply_item<S>(total, ring, item, group);
    const WgmmaPlace at{item.i * kRows + row, item.j * S::kCols + lane_index() % 4 * 2};
    if (work.parts > 1) {
      leave_part(packed.partial + item.part * problem.m * problem.n, problem, at, total);
    } else if (finish.other()) {
      activate<C>(finish, problem, operands, total, at);
    } else {
      if (finish.drops()) {
        drop_sums<C>(problem, operands, finish, pairs, at, total, dropout());
        ring.meet();  // its bits are no longer read
      } else {
        finish_sums<C>(problem, operands, finish, pairs, at, total);
      }
      leave_tile_sums<S>(finish.sums, problem, item, index, ring, total);
      multiply_gradient<C, 8, S::kCols / 2>(problem, operands, finish.slope, at);
    }
  }
}

// T: of a and b. C: of c.
template <int kProducts, int kCols, class T, class C>
void run_typed(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
               const GemmFinish& finish, const WgmmaTiling& tiling) {
  using S = Shape<kProducts, kCols>;
  float* a = queue.scratch;
  float* b = a + packed_floats(p.m, kRows, p.k, kProducts);
  float* partial = b + packed_floats(p.n, kCols, p.k, kProducts);
  const auto packing = [&](float* to, const float* from, std::int64_t lines, bool along, int tile) {
    const T* of = reinterpret_cast<const T*>(from);
    return Packing<T>{reinterpret_cast<std::uint32_t*>(to), of, lines, p.k, along, tile, operands.batch};
  };
  pack<kProducts, T>(queue, packing(a, operands.a, p.m, !p.transpose_a, kRows),
                     packing(b, operands.b, p.n, p.transpose_b, kCols));
  const Work work{wgmma_tiles(p.m, kRows), wgmma_tiles(p.n, kCols), wgmma_blocks(p.k, kProducts),
                  tiling.parts};
  const std::int64_t items = work.down * work.across * work.parts;
  const bool pairs = p.n % 2 == 0 && lies_in_pairs(reinterpret_cast<const C*>(operands.c));
  launch(queue, wgmma_kernel<S, C>, dim3(items < kProcessors ? static_cast<unsigned>(items) : kProcessors),
         kAllThreads, S::kShared, p, operands, finish,
         Packed{reinterpret_cast<const char*>(a), reinterpret_cast<const char*>(b), partial}, work, pairs);
  if (work.parts > 1) add_parts(queue, p, operands, finish, partial, work.parts);
}

template <int kProducts, int kCols>
void run(const Queue& queue, const GemmProblem& p, const GemmOperands& operands, const GemmFinish& finish,
         const WgmmaTiling& tiling) {
  if constexpr (kProducts == 1) {
    if (operands.halves && operands.half_c)
      return run_typed<1, kCols, Half, Half>(queue, p, operands, finish, tiling);
    if (operands.halves) return run_typed<1, kCols, Half, float>(queue, p, operands, finish, tiling);
  }
  run_typed<kProducts, kCols, float, float>(queue, p, operands, finish, tiling);
}

template <int kProducts>
void run(const Queue& queue, const GemmProblem& p, const GemmOperands& operands, const GemmFinish& finish,
         const WgmmaTiling& tiling) {
  if constexpr (kProducts == 1)
    if (tiling.cols == 256) return run<1, 256>(queue, p, operands, finish, tiling);
  tiling.cols == 64 ? run<kProducts, 64>(queue, p, operands, finish, tiling)
                    : run<kProducts, 128>(queue, p, operands, finish, tiling);
}

void gemm_wgmma(const Queue& queue, const GemmProblem& p, const GemmOperands& operands,
                const GemmFinish& finish, const WgmmaTiling& tiling) {
  if (tiling.products == 1)
    run<1>(queue, p, operands, finish, tiling);
  else if (tiling.products == 3)
    run<3>(queue, p, operands, finish, tiling);
  else
    run<6>(queue, p, operands, finish, tiling);
}

}  // namespace

void fill_gemm_wgmma(Launchers& table) {
  table.gemm_wgmma = gemm_wgmma;
  table.has_wgmma = has_tile_products;
}

}  // namespace densor::cuda
