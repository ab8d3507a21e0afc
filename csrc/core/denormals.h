// While it lives denormal numbers are zero, sums are rounded to nearest and nothing traps, whatever the
// caller has set, and afterwards his state is what it was: optimizer moments that decay towards zero would
// otherwise cost over a hundred cycles an element, and the bits depend on which thread computes them.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace densor {

class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) {
    _mm_setcsr(_MM_MASK_MASK | _MM_ROUND_NEAREST | 0x8040u);  // flush results, read as zero
  }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(1ul << 24));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  unsigned long saved_;
#else
  FlushDenormals() {}
#endif
};

}  // namespace densor
