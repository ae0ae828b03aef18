// What mbconv::block computes: an MBConv block in training mode, with the statistics of the batch.
//
//   expand 1x1 → batch norm → activation → depthwise → batch norm → activation → squeeze-and-excitation → project 1x1
//   → batch norm → times the branch's scale → plus the input
//
// Expansion, squeeze-and-excitation, scale and sum may be missing.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "kernels/cpu/micro/table.h"

namespace mbconv::block {

using kernels::Activation;

struct Norm {
  at::Tensor weight, bias;
  at::Tensor mean, var;  // running statistics, updated in place; undefined if none are kept
};

struct Settings {
  int64_t stride = 1;
  bool same = false;  // TensorFlow's padding; otherwise the kernel is centred
  Activation activation = Activation::silu;
  Activation squeezeActivation = Activation::silu;
  Activation gateActivation = Activation::sigmoid;
  bool residual = false;
  double eps = 1e-5;
  double momentum = 0.1;
};

// Tensors that are missing are undefined.
struct Arguments {
  at::Tensor input;   // [N, C, H, W]
  at::Tensor expand;  // [E, C, 1, 1]
  Norm expandNorm;
  at::Tensor depthwise;  // [E, 1, K, K]
  Norm depthwiseNorm;
  at::Tensor squeeze, squeezeBias;  // [S, E, 1, 1], [S]
  at::Tensor excite, exciteBias;    // [E, S, 1, 1], [E]
  at::Tensor project;               // [O, E, 1, 1]
  Norm projectNorm;
  at::Tensor branchScale;  // [N]
  Settings settings;

  bool expands() const { return expand.defined(); }
  bool squeezes() const { return squeeze.defined(); }
};

// Pixels of a side after the depthwise convolution, and the padding before its first pixel.
struct Side {
  int64_t input = 0;
  int64_t output = 0;
  int64_t before = 0;
  int64_t after = 0;
};
inline Side sideOf(int64_t size, int64_t kernel, const Settings& settings) {
  if (!settings.same) {
    const int64_t before = (kernel - 1) / 2;
    return {size, (size + 2 * before - kernel) / settings.stride + 1, before, before};
  }
  const int64_t outputs = (size + settings.stride - 1) / settings.stride;
  const int64_t padding = std::max<int64_t>((outputs - 1) * settings.stride + kernel - size, 0);
  return {size, outputs, padding / 2, padding - padding / 2};
}

}  // namespace mbconv::block
