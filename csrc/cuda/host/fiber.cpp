#include "cuda/host/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace densor::cuda::host {

namespace {

thread_local Fiber* entering = nullptr;

}  // namespace

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)

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

struct Fiber::Context {
  void* memory = nullptr;
  void* inside = nullptr;
  void* outside = nullptr;

  void prepare(std::size_t size, void (*enter)()) {
    auto* top = reinterpret_cast<void**>(static_cast<char*>(memory) + size);
    *--top = nullptr;  // keeps the stack aligned as a call would
    *--top = reinterpret_cast<void*>(enter);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    inside = top;
  }
  void go_in() { densor_switch_fiber(&outside, inside); }
  void go_out(bool) { densor_switch_fiber(&inside, outside); }
  static void arrived() {}
};

#else

struct Fiber::Context {
  void* memory = nullptr;
  ucontext_t inside{}, outside{};
  std::size_t size = 0;

  void prepare(std::size_t bytes, void (*enter)()) {
    size = bytes;
    getcontext(&inside);
    inside.uc_stack.ss_sp = memory;
    inside.uc_stack.ss_size = bytes;
    inside.uc_link = nullptr;
    makecontext(&inside, enter, 0);
  }
#if defined(__SANITIZE_ADDRESS__)
  // The sanitizer is told of every change of stacks.
  static inline thread_local const void* caller_stack = nullptr;
  static inline thread_local std::size_t caller_size = 0;
  void* fake = nullptr;

  void go_in() {
    void* mine = nullptr;
    __sanitizer_start_switch_fiber(&mine, memory, size);
    swapcontext(&outside, &inside);
    __sanitizer_finish_switch_fiber(mine, nullptr, nullptr);
  }
  void go_out(bool for_good) {
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, caller_stack, caller_size);
    swapcontext(&inside, &outside);
    __sanitizer_finish_switch_fiber(fake, &caller_stack, &caller_size);
  }
  static void arrived() { __sanitizer_finish_switch_fiber(nullptr, &caller_stack, &caller_size); }
#else
  void go_in() { swapcontext(&outside, &inside); }
  void go_out(bool) { swapcontext(&inside, &outside); }
  static void arrived() {}
#endif
};

#endif

Fiber::Fiber() : context_(std::make_unique<Context>()) {
  context_->memory =
      mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (context_->memory == MAP_FAILED) throw std::bad_alloc();
}

Fiber::~Fiber() { munmap(context_->memory, kStack); }

void Fiber::start(std::function<void()> body) {
  body_ = std::move(body);
  done_ = false;
  context_->prepare(kStack, &Fiber::enter);
}

void Fiber::resume() {
  entering = this;
  context_->go_in();
}

void Fiber::pause() { context_->go_out(false); }

void Fiber::enter() {
  Context::arrived();
  entering->run();
}

void Fiber::run() {
  body_();
  done_ = true;
  context_->go_out(true);
}

}  // namespace densor::cuda::host
