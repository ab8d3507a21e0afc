// Launches on the host: the blocks of a grid one after the other, each thread a fiber.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/host/block.h"

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

namespace densor::cuda::host {

using Body = std::function<void()>;

// Runs `body` for every thread of the grid, or notes it down while a graph is being captured.
void launch(dim3 grid, dim3 block, std::size_t shared_bytes, Body body);

// The same for a grid of one dimension whose blocks wait for one another, all of which are alive at once.
void launch_together(dim3 grid, dim3 block, std::size_t shared_bytes, Body body);
inline constexpr unsigned kTogether = 5;  // blocks that may be

// The same for anything that is to be done once.
void enqueue(Body work);

void set_order(Order order);
// After so many launches one meets an illegal address; -1: none does.
void set_fault(std::int64_t launches);

// Launches that were run since the last call.
std::int64_t count_launches();

// Between the two, launches are noted down instead of run.
void begin_capture();
std::vector<Body> end_capture();

// Of the thread that is running.
dim3 thread_index();
dim3 block_index();
dim3 block_size();
dim3 grid_size();
void* shared_memory();
void* shared_variable(const void* declaration, std::size_t bytes);
Block& block();

}  // namespace densor::cuda::host
