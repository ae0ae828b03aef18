// What a plan computes: a list of layers, each with the values that it reads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/cpu/micro/table.h"

namespace mbconv::plan {

using kernels::Activation;

// lib/models/network/planned/layers.ts writes these numbers.
enum class Op : int32_t { conv, depthwise, squeezeExcite, maxPool, globalPool, linear };
enum class Pool : int32_t { mean, max };

// A layer reads the values of earlier layers. Value 0 is the image, value i + 1 is the output of layer i.
struct Layer {
  Op op = Op::conv;
  int input = 0;
  int residual = -1;  // the value that is added to the output; none if negative
  int gate = -1;      // the value, of a squeeze-and-excitation, that the input is multiplied with; none if negative
  int inputs = 0;     // channels
  int outputs = 0;
  int kernel = 1;
  int stride = 1;
  bool same = false;  // TensorFlow's padding; otherwise the kernel is centred
  Activation activation = Activation::none;
  bool activatesSum = false;  // the residual is added before the activation
  int squeezed = 0;
  Activation gateActivation = Activation::sigmoid;
  Pool pool = Pool::mean;
  int tensor = 0;  // the first of its tensors: weight, bias; for squeeze-and-excitation twice
};

// Reads the layers from numbers, as many for each as Layer has fields.
//
// Throws ERR_VALUE for numbers that describe no network, whatever they are.
std::vector<Layer> readLayers(const std::vector<int64_t>& numbers, const std::vector<at::Tensor>& tensors);

// Pixels of a side after a window has passed over it, and the padding before its first pixel.
struct Extent {
  int size = 0;
  int before = 0;
};
inline Extent extentOf(int size, const Layer& layer) {
  if (!layer.same) {
    const int before = (layer.kernel - 1) / 2;
    return {(size + 2 * before - layer.kernel) / layer.stride + 1, before};
  }
  const int outputs = (size + layer.stride - 1) / layer.stride;
  const int padding = (outputs - 1) * layer.stride + layer.kernel - size;
  return {outputs, padding > 0 ? padding / 2 : 0};
}

}  // namespace mbconv::plan
