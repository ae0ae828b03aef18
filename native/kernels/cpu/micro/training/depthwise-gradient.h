// Gradients of depthwise convolutions. At stride 1, the gradient of the input is a depthwise convolution itself.
#pragma once

#include "kernels/cpu/micro/training/table.h"
#include "kernels/cpu/micro/vector.h"

namespace mbconv::kernels {
namespace {

// Rows of the kernel whose sums fit the registers.
template <int kernel>
constexpr int kTapRows = kernel == 3        ? 3
                         : kRegisters == 32 ? (kernel == 5 ? 5 : 3)
                                            : (kernel == 5 ? 2 : 1);

// The sums of `taps` rows of the kernel over rows of pixels.
template <int kernel, int stride, int taps>
void tapSums(const DepthwiseWeightGradient& task, const float* input, const float* gradient, int rows, int pixels,
             float* output) {
  Vec sums[taps * kernel];
  MBCONV_UNROLL for (int i = 0; i < taps * kernel; ++i) sums[i] = zero();
  for (int y = 0; y < rows; ++y) {
    const float* from = input + y * stride * task.inputRow;
    const float* row = gradient + y * task.gradientRow;
    for (int x = 0; x < pixels; ++x) {
      const Vec value = load(row);
      MBCONV_UNROLL for (int i = 0; i < taps; ++i) MBCONV_UNROLL for (int j = 0; j < kernel; ++j)
          sums[i * kernel + j] += value * load(from + i * task.inputRow + j * kLanes);
      row += kLanes;
      from += stride * kLanes;
    }
  }
  MBCONV_UNROLL for (int i = 0; i < taps * kernel; ++i) store(output + i * kLanes, load(output + i * kLanes) + sums[i]);
}

template <int kernel, int stride>
void tapRows(const DepthwiseWeightGradient& task, const float* input, const float* gradient, int rows, int pixels) {
  constexpr int kWhole = kTapRows<kernel>;
  constexpr int kRest = kernel % kWhole;
  for (int i = 0; i + kWhole <= kernel; i += kWhole)
    tapSums<kernel, stride, kWhole>(task, input + i * task.inputRow, gradient, rows, pixels,
                                    task.output + i * kernel * kLanes);
  if constexpr (kRest > 0)
    tapSums<kernel, stride, kRest>(task, input + (kernel - kRest) * task.inputRow, gradient, rows, pixels,
                                   task.output + (kernel - kRest) * kernel * kLanes);
}

template <int kernel, int stride>
void tapRuns(const DepthwiseWeightGradient& task) {
  const int height = task.pixels < kPixelRun ? kPixelRun / task.pixels : 1;
  for (int y = 0; y < task.rows; y += height) {
    const int rows = task.rows - y < height ? task.rows - y : height;
    for (int x = 0; x < task.pixels; x += kPixelRun) {
      const int pixels = task.pixels - x < kPixelRun ? task.pixels - x : kPixelRun;
      tapRows<kernel, stride>(task, task.input + y * stride * task.inputRow + x * stride * kLanes,
                              task.gradient + y * task.gradientRow + x * kLanes, rows, pixels);
    }
  }
}

void depthwiseWeightGradient(const DepthwiseWeightGradient& task) {
  if (task.stride == 1) {
    if (task.kernel == 3) return tapRuns<3, 1>(task);
    if (task.kernel == 5) return tapRuns<5, 1>(task);
    return tapRuns<7, 1>(task);
  }
  if (task.kernel == 3) return tapRuns<3, 2>(task);
  if (task.kernel == 5) return tapRuns<5, 2>(task);
  tapRuns<7, 2>(task);
}

template <int width, int pixels>
void phaseStrip(const Phase& task, const float* input, float* output) {
  Vec sums[pixels];
  MBCONV_UNROLL for (int x = 0; x < pixels; ++x) sums[x] = zero();
  const float* weights = task.weights;
  for (int y = 0; y < task.height; ++y) {
    Vec tap[width];
    MBCONV_UNROLL for (int j = 0; j < width; ++j) tap[j] = load(weights + j * kLanes);
    MBCONV_UNROLL for (int i = 0; i < pixels - 1 + width; ++i) {
      const Vec value = load(input + i * kLanes);
      MBCONV_UNROLL for (int j = 0; j < width; ++j) if (i >= j && i - j < pixels) sums[i - j] += value * tap[j];
    }
    weights += width * kLanes;
    input += task.inputRow;
  }
  MBCONV_UNROLL for (int x = 0; x < pixels; ++x) store(output + x * task.outputPixel, sums[x]);
}

template <int width>
void phaseRows(const Phase& task) {
  constexpr int kWide = kRegisters == 32 ? 8 : 6;
  for (int y = 0; y < task.rows; ++y) {
    const float* input = task.input + y * task.inputRow;
    float* output = task.output + y * task.outputRow;
    int x = 0;
    for (; x + kWide <= task.pixels; x += kWide)
      phaseStrip<width, kWide>(task, input + x * kLanes, output + x * task.outputPixel);
    for (; x + 3 <= task.pixels; x += 3) phaseStrip<width, 3>(task, input + x * kLanes, output + x * task.outputPixel);
    for (; x < task.pixels; ++x) phaseStrip<width, 1>(task, input + x * kLanes, output + x * task.outputPixel);
  }
}

void phase(const Phase& task) {
  if (task.width == 1) return phaseRows<1>(task);
  if (task.width == 2) return phaseRows<2>(task);
  if (task.width == 3) return phaseRows<3>(task);
  phaseRows<4>(task);
}

}  // namespace
}  // namespace mbconv::kernels
