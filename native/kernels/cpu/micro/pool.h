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

void maxPool(const float* input, ptrdiff_t inputRow, int kernel, int stride, int rows, int pixels, float* output) {
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < pixels; ++x, output += kLanes) {
      const float* from = input + y * stride * inputRow + static_cast<ptrdiff_t>(x) * stride * kLanes;
      Vec most = load(from);
      for (int i = 0; i < kernel; ++i)
        for (int j = 0; j < kernel; ++j) most = maximum(most, load(from + i * inputRow + j * kLanes));
      store(output, most);
    }
  }
}

void sum(const float* input, int pixels, float* total) {
  Vec sum = zero();
  for (int m = 0; m < pixels; ++m) sum += load(input + static_cast<ptrdiff_t>(m) * kLanes);
  store(total, sum);
}

void most(const float* input, int pixels, float* most) {
  Vec found = load(input);
  for (int m = 1; m < pixels; ++m) found = maximum(found, load(input + static_cast<ptrdiff_t>(m) * kLanes));
  store(most, found);
}

}  // namespace
}  // namespace mbconv::kernels
