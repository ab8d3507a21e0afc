#include "cuda/host/grid.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/denormals.h"
#include "core/error.h"
#include "cuda/failure.h"
#include "cuda/host/notes.h"

namespace densor::cuda::host {

namespace {

// Shared memory of one block, as float and as double NaN: nobody may count on zeros, nor on what the block
// before has left. Each piece is allocated for itself, so that AddressSanitizer knows where it ends.
using Shared = std::vector<std::uint16_t>;
Shared unwritten(std::size_t bytes) {
  const watch::Aside here;
  Shared memory((bytes + 1) / 2, 0x7ff8);
  watch::forget(memory.data(), bytes);
  return memory;
}

struct Variable {
  const void* declaration;
  Shared memory;
};

struct Alive {
  Block threads;
  Shared dynamic;
  std::vector<Variable> variables;  // those whose declaration a thread has come to
};

struct Grid {
  dim3 size, block, index;
  std::vector<std::unique_ptr<Alive>> blocks;  // the first one, or all those that are alive at once
  Alive* running = nullptr;
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
Work done{0, 0};

struct Notes {
  std::mutex mutex;
  Event kept[1000];
  std::size_t count = 0;  // of all that were ever noted
};
Notes notes;

// As a GPU would: the kernel that reads a wrong address ends the context.
void meet_fault() {
  if (launches_left < 0) return;
  if (launches_left == 0) context().lose("CUDA: an illegal memory access was encountered");
  --launches_left;
  context().require("launch");
}

// The block at this index is about to run.
Alive& enter(Grid& g, std::size_t place, dim3 index) {
  while (g.blocks.size() <= place) g.blocks.push_back(std::make_unique<Alive>());
  g.index = index;
  g.running = g.blocks[place].get();
  return *g.running;
}

// What a GPU refuses to launch.
void check_shape(const dim3& size, const dim3& block, std::size_t shared_bytes) {
  constexpr unsigned kMostAlong = 65535, kMostThreads = 1024, kMostLayers = 64;
  constexpr std::size_t kMostShared = 227 * 1024;
  const bool empty = size.x == 0 || size.y == 0 || size.z == 0 || block.x * block.y * block.z == 0;
  const bool large = size.x > 0x7fffffffu || size.y > kMostAlong || size.z > kMostAlong ||
                     block.x * block.y * block.z > kMostThreads || block.z > kMostLayers;
  if (empty || large || shared_bytes > kMostShared)
    throw Error(ErrorKind::device, "launch", "",
                "CUDA: invalid configuration argument: grid (" + std::to_string(size.x) + ", " +
                    std::to_string(size.y) + ", " + std::to_string(size.z) + "), block (" +
                    std::to_string(block.x) + ", " + std::to_string(block.y) + ", " +
                    std::to_string(block.z) + "), " + std::to_string(shared_bytes) +
                    " bytes of shared memory");
}

Grid& start(dim3 size, dim3 block) {
  meet_fault();
  ++launches_run;
  ++done.launches;
  note(Event::Kind::launch);
  Grid& g = grid();
  g.size = size;
  g.block = block;
  watch::order_all();
  return g;
}

int threads_of(dim3 block) { return static_cast<int>(block.x * block.y * block.z); }

void renew_shared(Alive& it, std::size_t bytes) {
  it.dynamic = unwritten(bytes);
  it.variables.clear();
}

void run(dim3 size, dim3 block, std::size_t shared_bytes, const Body& body) {
  const FlushDenormals flush;
  check_shape(size, block, shared_bytes);
  Grid& g = start(size, block);
  for (unsigned z = 0; z < size.z; ++z)
    for (unsigned y = 0; y < size.y; ++y)
      for (unsigned x = 0; x < size.x; ++x) {
        Alive& it = enter(g, 0, dim3(x, y, z));
        renew_shared(it, shared_bytes);
        it.threads.run(x + size.x * (y + size.y * z), threads_of(block), chosen, [&body](int) { body(); });
      }
  watch::report();
}

// A block runs until all of its threads wait for the other blocks. Those in descending order are the last
// first.
void run_together(dim3 size, dim3 block, std::size_t shared_bytes, const Body& body) {
  const FlushDenormals flush;
  check_shape(size, block, shared_bytes);
  Grid& g = start(size, block);
  const auto each = [&](auto visit) {
    for (unsigned i = 0; i < size.x; ++i) {
      const unsigned x = chosen == Order::ascending ? i : size.x - 1 - i;
      visit(enter(g, x, dim3(x)));
    }
  };
  each([&](Alive& it) {
    renew_shared(it, shared_bytes);
    it.threads.begin(g.index.x, threads_of(block));
  });
  for (;;) {
    unsigned ended = 0;
    each([&](Alive& it) { ended += it.threads.advance(chosen, [&body](int) { body(); }) ? 1 : 0; });
    if (ended == size.x) return watch::report();
    if (ended > 0)
      throw Error(ErrorKind::runtime, "launch", "", "some blocks wait for others that have ended");
    ++done.meetings;
    watch::order_all();
    each([](Alive& it) { it.threads.pass(); });
  }
}

}  // namespace

void set_order(Order order) { chosen = order; }
void set_fault(std::int64_t launches) { launches_left = launches; }

void launch_together(dim3 size, dim3 block, std::size_t shared_bytes, Body body) {
  enqueue([=, body = std::move(body)] { run_together(size, block, shared_bytes, body); });
}

Work work_done() { return done; }

void note(Event::Kind kind, std::uintptr_t stream) noexcept {
  const std::lock_guard<std::mutex> lock(notes.mutex);
  notes.kept[notes.count++ % std::size(notes.kept)] = {kind, stream};
}

std::vector<Event> take_notes() {
  const std::lock_guard<std::mutex> lock(notes.mutex);
  const std::size_t count = std::exchange(notes.count, 0);
  std::vector<Event> taken;
  for (std::size_t i = count - std::min(count, std::size(notes.kept)); i < count; ++i)
    taken.push_back(notes.kept[i % std::size(notes.kept)]);
  return taken;
}

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
  const auto t = static_cast<unsigned>(g.running->threads.thread());
  return {t % g.block.x, t / g.block.x % g.block.y, t / (g.block.x * g.block.y)};
}
dim3 block_index() { return grid().index; }
dim3 block_size() { return grid().block; }
dim3 grid_size() { return grid().size; }
void* shared_memory() { return grid().running->dynamic.data(); }
void* shared_variable(const void* declaration, std::size_t bytes) {
  const watch::Aside here;
  std::vector<Variable>& all = grid().running->variables;
  for (Variable& it : all)
    if (it.declaration == declaration) return it.memory.data();
  return all.emplace_back(Variable{declaration, unwritten(bytes)}).memory.data();
}
Block& block() { return grid().running->threads; }

}  // namespace densor::cuda::host
