// Depthwise convolutions: a strip of outputs is kept in registers while the rows of the kernel pass.
#pragma once

#include "kernels/cpu/micro/activation.h"

namespace mbconv::kernels {
namespace {

constexpr int kMaxStrip = kRegisters == 32 ? 8 : 6;

// Outputs of one row, side by side. Each input is read once for each row of the kernel.
template <int kernel, int stride, int pixels>
MBCONV_INLINE void strip(const Depthwise& task, const float* input, Vec (&sums)[pixels]) {
  const Vec bias = load(task.bias);
  MBCONV_UNROLL for (int x = 0; x < pixels; ++x) sums[x] = bias;
  const float* weights = task.weights;
#pragma GCC unroll 1
  for (int y = 0; y < kernel; ++y) {
    Vec tap[kernel];
    MBCONV_UNROLL for (int x = 0; x < kernel; ++x) tap[x] = load(weights + x * kLanes);
    MBCONV_UNROLL for (int j = 0; j < (pixels - 1) * stride + kernel; ++j) {
      const Vec value = load(input + j * kLanes);
      MBCONV_UNROLL for (int x = 0; x < kernel; ++x) {
        if (j >= x && (j - x) % stride == 0 && (j - x) / stride < pixels) sums[(j - x) / stride] += value * tap[x];
      }
    }
    weights += kernel * kLanes;
    input += task.inputRow;
  }
}

template <int kernel, int stride, int pixels>
void strips(const Depthwise& task, int count, const float* input, float* output, Running& running) {
  Vec total = zero();
  for (int i = 0; i < count; ++i) {
    Vec sums[pixels];
    strip<kernel, stride>(task, input + i * pixels * stride * kLanes, sums);
    chooseLayer(task.activation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
      MBCONV_UNROLL for (int x = 0; x < pixels; ++x) sums[x] = activate<kind>(sums[x]);
    });
    MBCONV_UNROLL for (int x = 0; x < pixels; ++x) store(output + (i * pixels + x) * kLanes, sums[x]);
    total += sumOf(sums);
  }
  running.add(total);
}

using Strips = void (*)(const Depthwise&, int, const float*, float*, Running&);

template <int kernel, int stride>
constexpr Strips kStrips[8] = {strips<kernel, stride, 1>,
                               strips<kernel, stride, 2>,
                               strips<kernel, stride, 3>,
                               strips<kernel, stride, 4>,
                               strips<kernel, stride, 5>,
                               strips<kernel, stride, 6>,
                               strips<kernel, stride, kMaxStrip == 8 ? 7 : 6>,
                               strips<kernel, stride, kMaxStrip>};

MBCONV_INLINE const Strips* stripsOf(int kernel, int stride) {
  if (stride == 1) return kernel == 3 ? kStrips<3, 1> : kernel == 5 ? kStrips<5, 1> : kStrips<7, 1>;
  return kernel == 3 ? kStrips<3, 2> : kernel == 5 ? kStrips<5, 2> : kStrips<7, 2>;
}

void depthwise(const Depthwise& task) {
  const Strips* sizes = stripsOf(task.kernel, task.stride);
  const int count = (task.pixels + kMaxStrip - 1) / kMaxStrip;
  if (count == 0) return;
  const int size = task.pixels / count;
  const int longer = task.pixels % count;
  const ptrdiff_t done = static_cast<ptrdiff_t>(longer) * (size + 1);
  Running running;
  for (int y = 0; y < task.rows; ++y) {
    const float* input = task.input + y * task.stride * task.inputRow;
    float* output = task.output + y * task.outputRow;
    if (longer > 0) sizes[size](task, longer, input, output, running);
    sizes[size - 1](task, count - longer, input + done * task.stride * kLanes, output + done * kLanes, running);
  }
  if (task.sums != nullptr) store(task.sums, load(task.sums) + running.value);
}

}  // namespace
}  // namespace mbconv::kernels
