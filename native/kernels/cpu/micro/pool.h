// Maxima and sums of pixels.
#pragma once

#include "kernels/cpu/micro/vector.h"

namespace mbconv::kernels {
namespace {

// NaN stays: whichever of the two is NaN comes out.
MBCONV_INLINE Vec maximum(Vec a, Vec b) {
  const Vec most = larger(a, b);
  return a == a ? most : a;
}

// Columns first, then rows: each input is read once for each row of the window.
void maxPool(const float* input, ptrdiff_t inputRow, int kernel, int stride, int rows, int pixels, float* output,
             float* columns) {
  const int width = (pixels - 1) * stride + kernel;
  for (int y = 0; y < rows; ++y) {
    const float* from = input + static_cast<ptrdiff_t>(y) * stride * inputRow;
    for (int x = 0; x < width; ++x) {
      Vec most = load(from + x * kLanes);
      for (int i = 1; i < kernel; ++i) most = maximum(most, load(from + i * inputRow + x * kLanes));
      store(columns + x * kLanes, most);
    }
    for (int x = 0; x < pixels; ++x, output += kLanes) {
      Vec most = load(columns + x * stride * kLanes);
      for (int j = 1; j < kernel; ++j) most = maximum(most, load(columns + (x * stride + j) * kLanes));
      store(output, most);
    }
  }
}

void sum(const float* input, int pixels, float* total) {
  constexpr int kRun = 8;
  Running running;
  int m = 0;
  for (; m + kRun <= pixels; m += kRun) {
    Vec run[kRun];
    MBCONV_UNROLL for (int i = 0; i < kRun; ++i) run[i] = load(input + static_cast<ptrdiff_t>(m + i) * kLanes);
    running.add(sumOf(run));
  }
  for (; m < pixels; ++m) running.add(load(input + static_cast<ptrdiff_t>(m) * kLanes));
  store(total, running.value);
}

void most(const float* input, int pixels, float* most) {
  Vec found = load(input);
  for (int m = 1; m < pixels; ++m) found = maximum(found, load(input + static_cast<ptrdiff_t>(m) * kLanes));
  store(most, found);
}

}  // namespace
}  // namespace mbconv::kernels
