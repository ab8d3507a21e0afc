// Flushes denormal numbers to zero while it lives and restores the caller's state afterwards: optimizer
// moments that decay towards zero would otherwise cost over a hundred cycles an element.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace densor {

class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }  // flush results, read as zero
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (1ul << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }

 private:
  unsigned long saved_;
#else
  FlushDenormals() {}
#endif
};

}  // namespace densor
