// The block on the CPU: kernels of float32 for training.
#pragma once

#include <array>
#include <vector>

#include "block/definition/arguments.h"

namespace mbconv::block::cpu {

// What the gradient needs of the forward pass. Maps are as geometry.h describes.
struct Saved {
  at::Tensor expanded;   // before its batch norm; undefined without expansion
  at::Tensor depthwise;  // the same
  at::Tensor projected;
  std::array<at::Tensor, 3> norms;  // coefficients of the three batch norms
  // Of squeeze-and-excitation: the channels' means, the squeezed values before their activation, and the gate.
  at::Tensor means, squeezed, gate;
};

// Returns the output, in the input's memory format. Updates the running statistics.
at::Tensor forward(const Arguments& block, Saved& saved);

// The gradients of the arguments, where there are such arguments.
struct Gradients {
  at::Tensor input;  // undefined if it is not wanted
  at::Tensor expand, depthwise, squeeze, squeezeBias, excite, exciteBias, project;
  std::array<at::Tensor, 3> weights, biases;  // of the batch norms
};
Gradients backward(const Arguments& block, const Saved& saved, const at::Tensor& gradient, bool wantsInput);

}  // namespace mbconv::block::cpu
