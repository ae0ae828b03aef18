// Squeeze-and-excitation, and what is multiplied with its gate.
#pragma once

#include "kernels/cpu/micro/activation.h"

namespace mbconv::kernels {
namespace {

MBCONV_INLINE float activated(Activation kind, float x) {
  Vec y = all(x);
  choose(kind, [&]<Activation chosen>(Chosen<chosen>) __attribute__((always_inline)) { y = activate<chosen>(y); });
  return y[0];
}

void mean(const float* sums, int parts, int channels, float pixels, float* mean) {
  for (int c = 0; c < channels; c += kLanes) {
    Vec sum = zero();
    for (int part = 0; part < parts; ++part) sum += load(sums + static_cast<ptrdiff_t>(part) * channels + c);
    store(mean + c, sum / pixels);
  }
}

// `count` sums side by side: one alone would wait for each of its additions.
template <int count>
MBCONV_INLINE void squeezeSome(const SqueezeExcite& task, int from) {
  const ptrdiff_t channels = task.channels;
  const float* weights = task.first + from * channels;
  Vec sums[count];
  MBCONV_UNROLL for (int j = 0; j < count; ++j) sums[j] = zero();
  for (ptrdiff_t c = 0; c < channels; c += kLanes) {
    const Vec mean = load(task.mean + c);
    MBCONV_UNROLL for (int j = 0; j < count; ++j) sums[j] += mean * load(weights + j * channels + c);
  }
  for (int j = 0; j < count; ++j)
    task.hidden[from + j] = activated(task.activation, total(sums[j]) + task.firstBias[from + j]);
}

void squeeze(const SqueezeExcite& task, int from, int to) {
  for (; from + 4 <= to; from += 4) squeezeSome<4>(task, from);
  for (; from < to; ++from) squeezeSome<1>(task, from);
}

void excite(const SqueezeExcite& task, int group) {
  constexpr int kFloats = kExciteGroup * kLanes;
  const float* weights = task.second + static_cast<ptrdiff_t>(group) * task.squeezed * kFloats;
  Vec sums[kExciteGroup];
  MBCONV_UNROLL for (int v = 0; v < kExciteGroup; ++v) sums[v] = load(task.secondBias + group * kFloats + v * kLanes);
  for (int j = 0; j < task.squeezed; ++j, weights += kFloats) {
    const Vec hidden = all(task.hidden[j]);
    MBCONV_UNROLL for (int v = 0; v < kExciteGroup; ++v) sums[v] += hidden * load(weights + v * kLanes);
  }
  choose(task.gateActivation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
    MBCONV_UNROLL for (int v = 0; v < kExciteGroup; ++v)
        store(task.gate + group * kFloats + v * kLanes, activate<kind>(sums[v]));
  });
}

void scale(const float* input, const float* gate, int pixels, float* output) {
  const Vec factor = load(gate);
  for (int m = 0; m < pixels; ++m) store(output + m * kLanes, factor * load(input + m * kLanes));
}

void scalePanel(const float* panel, const float* gate, int depth, int vectors, float* output) {
  for (int k = 0; k < depth; ++k) {
    for (int v = 0; v < vectors; ++v, panel += kLanes, output += kLanes) store(output, gate[k] * load(panel));
  }
}

}  // namespace
}  // namespace mbconv::kernels
