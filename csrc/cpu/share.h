// How an elementwise op on a contiguous matrix is shared out: by columns, unless there are so few of them
// that most workers would go without; then by rows. Either way it is local (core/step.h). By rows as well
// where the matrix outgrows the caches: nothing of it is near then, and memory is faster read on end.
#pragma once

#include "core/step.h"
#include "core/worker.h"
#include "cpu/kernels.h"

namespace densor::cpu {

inline constexpr std::int64_t kLocalColumns = 8 * kLine, kCachedFloats = 1 << 20;

inline bool shares_columns(std::int64_t rows, std::int64_t cols) {
  return cols >= kLocalColumns && rows * cols <= kCachedFloats;
}

inline void declare_shares(Step& step, std::int64_t rows, std::int64_t cols) {
  if (shares_columns(rows, cols))
    step.reads_columns = step.writes_columns = cols;
  else
    step.reads_rows = step.writes_rows = rows;
}

inline MatrixPart share_of(const Worker& worker, std::int64_t rows, std::int64_t cols) {
  if (!shares_columns(rows, cols)) {
    const Range mine = worker.split(rows, kRowUnit);
    return {mine.begin, mine.end, 0, cols, cols};
  }
  const Range mine = worker.split(cols, kLine);
  return {0, rows, mine.begin, mine.end, cols};
}

}  // namespace densor::cpu
