#pragma once

#include "fanion/kernels/loops/loop_elements.h"

/// Rows of a sparse matrix times a block of vectors. For loop_table.cpp alone.
namespace fanion::kernels {
namespace {

/// What `W` neighbouring columns of X give in one row of Y; the entries' order is that of the additions.
template <class T, int W>
FANION_INLINE void sparse_row(const T* values, const std::int32_t* columns, std::int64_t count, const T* X,
                              std::int64_t width, T* Y, std::int64_t stride) {
  if constexpr (W == 1) {
    T sums[4] = {};  // a single one would wait for each addition
    std::int64_t e = 0;
    for (; e + 4 <= count; e += 4)
      for (int i = 0; i < 4; ++i) sums[i] += values[e + i] * X[columns[e + i] * width];
    for (; e < count; ++e) sums[0] += values[e] * X[columns[e] * width];
    *Y = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  } else {
    // NOLINTBEGIN(modernize-use-using): GCC takes a vector of a template's type from a typedef alone.
    typedef T Piece __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T)), may_alias));
    typedef T Sum __attribute__((vector_size(W * sizeof(T))));
    // NOLINTEND(modernize-use-using)
    Sum even = {}, odd = {};
    std::int64_t e = 0;
    for (; e + 2 <= count; e += 2) {
      even += values[e] * *reinterpret_cast<const Piece*>(X + columns[e] * width);
      odd += values[e + 1] * *reinterpret_cast<const Piece*>(X + columns[e + 1] * width);
    }
    if (e < count) even += values[e] * *reinterpret_cast<const Piece*>(X + columns[e] * width);
    even += odd;
    for (int j = 0; j < W; ++j) Y[j * stride] = even[j];
  }
}

template <class T>
void sparse_rows_of(const CompressedRows& A, std::int64_t first, std::int64_t last, const T* X, T* Y,
                    std::int64_t width, std::int64_t stride) {
  const auto* all = static_cast<const T*>(A.values);
  for (std::int64_t i = first; i < last; ++i) {
    const T* values = all + A.starts[i];
    const std::int32_t* columns = A.columns + A.starts[i];
    const std::int64_t count = A.starts[i + 1] - A.starts[i];
    std::int64_t j = 0;
    for (; j + 8 <= width; j += 8) sparse_row<T, 8>(values, columns, count, X + j, width, Y + j * stride + i, stride);
    if (width - j >= 4) {
      sparse_row<T, 4>(values, columns, count, X + j, width, Y + j * stride + i, stride);
      j += 4;
    }
    if (width - j >= 2) {
      sparse_row<T, 2>(values, columns, count, X + j, width, Y + j * stride + i, stride);
      j += 2;
    }
    if (j < width) sparse_row<T, 1>(values, columns, count, X + j, width, Y + j * stride + i, stride);
  }
}

void sparse_rows(const CompressedRows& A, std::int64_t first, std::int64_t last, const void* X, void* Y,
                 std::int64_t width, std::int64_t stride) {
  if (A.in_double)
    sparse_rows_of(A, first, last, static_cast<const double*>(X), static_cast<double*>(Y), width, stride);
  else
    sparse_rows_of(A, first, last, static_cast<const float*>(X), static_cast<float*>(Y), width, stride);
}

}  // namespace
}  // namespace fanion::kernels
