// Counts values that are no class numbers, and finds the first. Reads the dtype's bytes an element.
#include "math/label_range.h"

#include "cuda/device/counting.cuh"
#include "cuda/table.h"

namespace densor::cuda {

namespace {

template <class T>
struct Outside {
  math::LabelRange range;
  __device__ bool operator()(T x) const { return !math::is_label(x, range); }
};

template <class T>
void count_outside(const Queue& queue, BlockCount* counts, const void* data, std::int64_t rows,
                   std::int64_t cols, std::int64_t stride, const math::LabelRange& range) {
  launch_counting<T>(queue, counts, data, rows, cols, stride, Outside<T>{range});
}

}  // namespace

void fill_label_range(Launchers& table) {
  table.label_range[static_cast<int>(DType::boolean)] = count_outside<std::uint8_t>;
  table.label_range[static_cast<int>(DType::u8)] = count_outside<std::uint8_t>;
  table.label_range[static_cast<int>(DType::u16)] = count_outside<std::uint16_t>;
  table.label_range[static_cast<int>(DType::u32)] = count_outside<std::uint32_t>;
  table.label_range[static_cast<int>(DType::u64)] = count_outside<std::uint64_t>;
  table.label_range[static_cast<int>(DType::i8)] = count_outside<std::int8_t>;
  table.label_range[static_cast<int>(DType::i16)] = count_outside<std::int16_t>;
  table.label_range[static_cast<int>(DType::i32)] = count_outside<std::int32_t>;
  table.label_range[static_cast<int>(DType::i64)] = count_outside<std::int64_t>;
  table.label_range[static_cast<int>(DType::f32)] = count_outside<float>;
  table.label_range[static_cast<int>(DType::f64)] = count_outside<double>;
}

}  // namespace densor::cuda
