#include "cuda/host/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace densor::cuda::host {

namespace {

thread_local Fiber* entering = nullptr;

}  // namespace

#if defined(__x86_64__)

// swapcontext asks the kernel for the signal mask; this does not: callee-saved registers and the stack.
asm(R"(
.text
.type densor_switch_fiber, @function
densor_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size densor_switch_fiber, .-densor_switch_fiber
)");
extern "C" void densor_switch_fiber(void** save, void* next);

namespace {

// A place in the code, with the stack under it, that can be left and come back to.
struct Place {
  void* stack = nullptr;

  void prepare(void* memory, std::size_t size, void (*enter)()) {
    auto* top = reinterpret_cast<void**>(static_cast<char*>(memory) + size);
    *--top = nullptr;  // keeps the stack aligned as a call would
    *--top = reinterpret_cast<void*>(enter);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    stack = top;
  }
  static void go(Place& from, Place& to) { densor_switch_fiber(&from.stack, to.stack); }
};

}  // namespace

#else

namespace {

struct Place {
  ucontext_t context{};

  void prepare(void* memory, std::size_t size, void (*enter)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = memory;
    context.uc_stack.ss_size = size;
    context.uc_link = nullptr;
    makecontext(&context, enter, 0);
  }
  static void go(Place& from, Place& to) { swapcontext(&from.context, &to.context); }
};

}  // namespace

#endif

namespace {

#if defined(__SANITIZE_ADDRESS__)

// The sanitizer is told of every change of stacks.
struct Stacks {
  static inline thread_local const void* caller = nullptr;
  static inline thread_local std::size_t caller_size = 0;
  void *of_caller = nullptr, *of_fiber = nullptr;  // frames that the sanitizer keeps elsewhere

  void going_in(void* memory, std::size_t size) { __sanitizer_start_switch_fiber(&of_caller, memory, size); }
  void come_out() { __sanitizer_finish_switch_fiber(of_caller, nullptr, nullptr); }
  void going_out(bool for_good) {
    __sanitizer_start_switch_fiber(for_good ? nullptr : &of_fiber, caller, caller_size);
  }
  void come_in() { __sanitizer_finish_switch_fiber(of_fiber, &caller, &caller_size); }
  // Frames that an earlier body never left: their guards must not hurt the next one.
  void renew(void* memory, std::size_t size) {
    __asan_unpoison_memory_region(memory, size);
    of_fiber = nullptr;
  }
};

#else

struct Stacks {
  void going_in(void*, std::size_t) {}
  void come_out() {}
  void going_out(bool) {}
  void come_in() {}
  void renew(void*, std::size_t) {}
};

#endif

}  // namespace

struct Fiber::Context {
  void* memory = nullptr;
  Place inside, outside;
  Stacks stacks;

  void go_in() {
    stacks.going_in(memory, kStack);
    Place::go(outside, inside);
    stacks.come_out();
  }
  void go_out(bool for_good) {
    stacks.going_out(for_good);
    Place::go(inside, outside);
    stacks.come_in();
  }
};

// Below the stack lies a page that nobody may touch: one that is too small is found out.
Fiber::Fiber() : context_(std::make_unique<Context>()) {
  void* guard = mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (guard == MAP_FAILED) throw std::bad_alloc();
  context_->memory = static_cast<char*>(guard) + kGuard;
  if (mprotect(guard, kGuard, PROT_NONE) == 0) return;
  munmap(guard, kGuard + kStack);
  throw std::bad_alloc();
}

Fiber::~Fiber() { munmap(static_cast<char*>(context_->memory) - kGuard, kGuard + kStack); }

std::span<const std::byte> Fiber::stack() const {
  return {static_cast<const std::byte*>(context_->memory), kStack};
}

void Fiber::start(std::function<void()> body) {
  body_ = std::move(body);
  done_ = false;
  context_->stacks.renew(context_->memory, kStack);
  context_->inside.prepare(context_->memory, kStack, &Fiber::enter);
}

void Fiber::resume() {
  entering = this;
  context_->go_in();
}

void Fiber::pause() { context_->go_out(false); }

void Fiber::enter() {
  entering->context_->stacks.come_in();
  entering->run();
}

void Fiber::run() {
  body_();
  done_ = true;
  context_->go_out(true);
}

}  // namespace densor::cuda::host
