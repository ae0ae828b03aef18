#include "block/definition/composite.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/relu6.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

namespace mbconv::block {

namespace {

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

at::Tensor activate(const at::Tensor& x, Activation kind) {
  switch (kind) {
    case Activation::silu:
      return at::silu(x);
    case Activation::relu:
      return at::relu(x);
    case Activation::relu6:
      return at::relu6(x);
    case Activation::hardswish:
      return at::hardswish(x);
    case Activation::sigmoid:
      return at::sigmoid(x);
    case Activation::hardsigmoid:
      return at::hardsigmoid(x);
    case Activation::none:
      break;
  }
  return x;
}

at::Tensor normalize(const at::Tensor& x, const Norm& norm, const Settings& settings) {
  return at::batch_norm(x, norm.weight, norm.bias, optional(norm.mean), optional(norm.var), /*training=*/true,
                        settings.momentum, settings.eps, /*cudnn_enabled=*/true);
}

at::Tensor convolveDepthwise(const at::Tensor& x, const Arguments& block) {
  const Settings& settings = block.settings;
  const int64_t channels = block.depthwise.size(0);
  const Side height = sideOf(x.size(2), block.depthwise.size(2), settings);
  const Side width = sideOf(x.size(3), block.depthwise.size(3), settings);
  const at::IntArrayRef stride(settings.stride);
  if (height.before == height.after && width.before == width.after)
    return at::conv2d(x, block.depthwise, {}, stride, at::IntArrayRef({height.before, width.before}), 1, channels);
  const at::Tensor padded = at::constant_pad_nd(x, {width.before, width.after, height.before, height.after});
  return at::conv2d(padded, block.depthwise, {}, stride, at::IntArrayRef(0), 1, channels);
}

at::Tensor gate(const at::Tensor& x, const Arguments& block) {
  const Settings& settings = block.settings;
  const at::Tensor means = at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
  const at::Tensor squeezed = at::linear(means, block.squeeze.flatten(1), block.squeezeBias);
  const at::Tensor excited =
      at::linear(activate(squeezed, settings.squeezeActivation), block.excite.flatten(1), block.exciteBias);
  return activate(excited, settings.gateActivation).unsqueeze(-1).unsqueeze(-1);
}

}  // namespace

at::Tensor composite(const Arguments& block) {
  const Settings& settings = block.settings;
  at::Tensor x = block.input;
  if (block.expands())
    x = activate(normalize(at::conv2d(x, block.expand), block.expandNorm, settings), settings.activation);
  x = activate(normalize(convolveDepthwise(x, block), block.depthwiseNorm, settings), settings.activation);
  if (block.squeezes()) x = x.mul(gate(x, block));
  x = normalize(at::conv2d(x, block.project), block.projectNorm, settings);
  if (block.branchScale.defined()) x = x.mul(block.branchScale.view({-1, 1, 1, 1}));
  return settings.residual ? x.add(block.input) : x;
}

}  // namespace mbconv::block
