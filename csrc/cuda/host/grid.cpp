#include "cuda/host/grid.h"

#include <cstring>
#include <memory>
#include <utility>

#include "core/denormals.h"
#include "cuda/failure.h"

namespace densor::cuda::host {

namespace {

struct Grid {
  dim3 size, block, index;
  Block threads;
  std::vector<std::uint64_t> shared;
  bool capturing = false;
  std::vector<Body> captured;
};

Grid& grid() {
  thread_local Grid it;
  return it;
}

Order chosen = Order::ascending;
std::int64_t launches_left = -1;
std::int64_t launches_run = 0;

// As a GPU would: the kernel that reads a wrong address ends the context.
void meet_fault() {
  if (launches_left < 0) return;
  if (launches_left == 0) context().lose("CUDA: an illegal memory access was encountered");
  --launches_left;
  context().require("launch");
}

void run(dim3 size, dim3 block, std::size_t shared_bytes, const Body& body) {
  meet_fault();
  ++launches_run;
  const FlushDenormals flush;
  Grid& g = grid();
  g.size = size;
  g.block = block;
  const int threads = static_cast<int>(block.x * block.y * block.z);
  for (unsigned z = 0; z < size.z; ++z)
    for (unsigned y = 0; y < size.y; ++y)
      for (unsigned x = 0; x < size.x; ++x) {
        g.index = dim3(x, y, z);
        g.shared.assign((shared_bytes + 7) / 8, 0x7ff87ff87ff87ff8u);  // NaN: nobody may count on zeros
        g.threads.run(threads, chosen, [&body](int) { body(); });
      }
}

}  // namespace

void set_order(Order order) { chosen = order; }
void set_fault(std::int64_t launches) { launches_left = launches; }

std::int64_t count_launches() { return std::exchange(launches_run, 0); }

void launch(dim3 size, dim3 block, std::size_t shared_bytes, Body body) {
  enqueue([=, body = std::move(body)] { run(size, block, shared_bytes, body); });
}

void enqueue(Body work) {
  Grid& g = grid();
  if (g.capturing)
    g.captured.push_back(std::move(work));
  else
    work();
}

void begin_capture() {
  grid().capturing = true;
  grid().captured.clear();
}

std::vector<Body> end_capture() {
  grid().capturing = false;
  return std::move(grid().captured);
}

dim3 thread_index() {
  const Grid& g = grid();
  const auto t = static_cast<unsigned>(g.threads.thread());
  return {t % g.block.x, t / g.block.x % g.block.y, t / (g.block.x * g.block.y)};
}
dim3 block_index() { return grid().index; }
dim3 block_size() { return grid().block; }
dim3 grid_size() { return grid().size; }
void* shared_memory() { return grid().shared.data(); }
Block& block() { return grid().threads; }

}  // namespace densor::cuda::host
