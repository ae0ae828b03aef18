// The operations of neural networks.
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/relu6.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "bind.h"

namespace mbconv {

namespace {

using Pair = std::vector<int64_t>;
using Optional = std::optional<at::Tensor>;

// Some kernels divide by these before anyone checks them.
void positive(const Pair& values, const char* name) {
  for (int64_t value : values) {
    if (value <= 0) throw Error("ERR_VALUE", std::string(name) + " must be positive, got " + std::to_string(value));
  }
}

at::Tensor conv2d(const at::Tensor& input, const at::Tensor& weight, Optional bias, Pair stride, Pair padding,
                  Pair dilation, int64_t groups) {
  positive(stride, "stride");
  positive(dilation, "dilation");
  positive({groups}, "groups");
  return at::conv2d(input, weight, bias, stride, padding, dilation, groups);
}

at::Tensor batchNorm(const at::Tensor& input, Optional weight, Optional bias, Optional runningMean, Optional runningVar,
                     bool training, double momentum, double eps) {
  if (input.dim() < 2) throw Error("ERR_SHAPE", "input needs at least two dimensions, [N, C, …]");
  return at::batch_norm(input, weight, bias, runningMean, runningVar, training, momentum, eps, /*cudnn_enabled=*/true);
}

at::Tensor linear(const at::Tensor& input, const at::Tensor& weight, Optional bias) {
  return at::linear(input, weight, bias);
}

at::Tensor pad(const at::Tensor& input, Pair amounts, std::string mode, std::optional<double> value) {
  return at::pad(input, amounts, mode, value);
}

at::Tensor maxPool2d(const at::Tensor& input, Pair kernel, Pair stride, Pair padding, Pair dilation, bool ceilMode) {
  positive(kernel, "kernel size");
  positive(stride, "stride");
  positive(dilation, "dilation");
  return at::max_pool2d(input, kernel, stride, padding, dilation, ceilMode);
}

at::Tensor avgPool2d(const at::Tensor& input, Pair kernel, Pair stride, Pair padding, bool ceilMode,
                     bool countIncludePad) {
  positive(kernel, "kernel size");
  positive(stride, "stride");
  return at::avg_pool2d(input, kernel, stride, padding, ceilMode, countIncludePad);
}

at::Tensor adaptiveAvgPool2d(const at::Tensor& input, Pair size) {
  positive(size, "output size");
  return at::adaptive_avg_pool2d(input, size);
}

at::Tensor interpolateBilinear(const at::Tensor& input, Pair size, bool alignCorners) {
  positive(size, "output size");
  return at::upsample_bilinear2d(input, size, alignCorners);
}

// Mean, sum or no reduction, as libtorch numbers them.
int64_t reduction(const std::string& name) {
  if (name == "none") return 0;
  if (name == "mean") return 1;
  if (name == "sum") return 2;
  throw Error("ERR_VALUE", "unknown reduction '" + name + "'; known: none, mean, sum");
}

at::Tensor crossEntropy(const at::Tensor& logits, const at::Tensor& target, Optional weight, std::string reduce,
                        int64_t ignoreIndex, double labelSmoothing) {
  return at::cross_entropy_loss(logits, target, weight, reduction(reduce), ignoreIndex, labelSmoothing);
}

at::Tensor silu(const at::Tensor& x) { return at::silu(x); }
void silu_(at::Tensor x) { at::silu_(x); }
at::Tensor relu(const at::Tensor& x) { return at::relu(x); }
void relu_(at::Tensor x) { at::relu_(x); }
at::Tensor relu6(const at::Tensor& x) { return at::relu6(x); }
void relu6_(at::Tensor x) { at::relu6_(x); }
at::Tensor hardswish(const at::Tensor& x) { return at::hardswish(x); }
void hardswish_(at::Tensor x) { at::hardswish_(x); }
at::Tensor hardsigmoid(const at::Tensor& x) { return at::hardsigmoid(x); }
void hardsigmoid_(at::Tensor x) { at::hardsigmoid_(x); }

}  // namespace

void initNn(const Exports& exports) {
  bind<&conv2d>(exports, "conv2d", {"input", "weight", "bias", "stride", "padding", "dilation", "groups"});
  bind<&batchNorm>(exports, "batchNorm",
                   {"input", "weight", "bias", "runningMean", "runningVar", "training", "momentum", "eps"});
  bind<&linear>(exports, "linear", {"input", "weight", "bias"});
  bind<&pad>(exports, "pad", {"input", "amounts", "mode", "value"});
  bind<&maxPool2d>(exports, "maxPool2d", {"input", "kernelSize", "stride", "padding", "dilation", "ceilMode"});
  bind<&avgPool2d>(exports, "avgPool2d", {"input", "kernelSize", "stride", "padding", "ceilMode", "countIncludePad"});
  bind<&adaptiveAvgPool2d>(exports, "adaptiveAvgPool2d", {"input", "size"});
  bind<&interpolateBilinear>(exports, "interpolateBilinear", {"input", "size", "alignCorners"});
  bind<&crossEntropy>(exports, "crossEntropy",
                      {"logits", "target", "weight", "reduction", "ignoreIndex", "labelSmoothing"});
  bind<&silu>(exports, "silu", {"input"});
  bind<&silu_>(exports, "silu_", {"input"});
  bind<&relu>(exports, "relu", {"input"});
  bind<&relu_>(exports, "relu_", {"input"});
  bind<&relu6>(exports, "relu6", {"input"});
  bind<&relu6_>(exports, "relu6_", {"input"});
  bind<&hardswish>(exports, "hardswish", {"input"});
  bind<&hardswish_>(exports, "hardswish_", {"input"});
  bind<&hardsigmoid>(exports, "hardsigmoid", {"input"});
  bind<&hardsigmoid_>(exports, "hardsigmoid_", {"input"});
}

}  // namespace mbconv
