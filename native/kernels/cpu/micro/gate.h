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

void squeezeExcite(const SqueezeExcite& task) {
  const int channels = task.channels;
  float* mean = task.scratch;
  float* squeezed = task.scratch + channels;
  for (int c = 0; c < channels; c += kLanes) {
    Vec sum = zero();
    for (int part = 0; part < task.parts; ++part) sum += load(task.sums + static_cast<ptrdiff_t>(part) * channels + c);
    store(mean + c, sum / task.pixels);
  }
  for (int j = 0; j < task.squeezed; ++j) {
    const float* weights = task.first + static_cast<ptrdiff_t>(j) * channels;
    Vec sum = zero();
    for (int c = 0; c < channels; c += kLanes) sum += load(mean + c) * load(weights + c);
    squeezed[j] = activated(task.activation, total(sum) + task.firstBias[j]);
  }
  choose(task.gateActivation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
    for (int c = 0; c < channels; c += kLanes) {
      Vec sum = load(task.secondBias + c);
      for (int j = 0; j < task.squeezed; ++j)
        sum += squeezed[j] * load(task.second + static_cast<ptrdiff_t>(j) * channels + c);
      store(task.gate + c, activate<kind>(sum));
    }
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
