// Layers without normalisation or convolution: linear, pooling, padding, resampling, activations.
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/hardsigmoid.h>
#include <ATen/ops/hardswish.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/mish.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/relu6.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "bind.h"
#include "checks.h"

namespace mbconv {

namespace {

using Pair = std::vector<int64_t>;
using Optional = std::optional<at::Tensor>;

at::Tensor linear(const at::Tensor& input, const at::Tensor& weight, Optional bias) {
  return at::linear(input, weight, bias);
}

at::Tensor pad(const at::Tensor& input, Pair amounts, std::string mode, std::optional<double> value) {
  return at::pad(input, amounts, mode, value);
}

at::Tensor maxPool2d(const at::Tensor& input, Pair kernel, Pair stride, Pair padding, Pair dilation, bool ceilMode) {
  checkPositive(kernel, "kernel size");
  checkPositive(stride, "stride");
  checkPositive(dilation, "dilation");
  return at::max_pool2d(input, kernel, stride, padding, dilation, ceilMode);
}

at::Tensor avgPool2d(const at::Tensor& input, Pair kernel, Pair stride, Pair padding, bool ceilMode,
                     bool countIncludePad) {
  checkPositive(kernel, "kernel size");
  checkPositive(stride, "stride");
  return at::avg_pool2d(input, kernel, stride, padding, ceilMode, countIncludePad);
}

at::Tensor adaptiveAvgPool2d(const at::Tensor& input, Pair size) {
  checkPositive(size, "output size");
  return at::adaptive_avg_pool2d(input, size);
}

at::Tensor interpolate(const at::Tensor& input, Pair size, std::string mode, bool alignCorners, bool antialias) {
  checkPositive(size, "output size");
  if (mode == "nearest") return at::upsample_nearest2d(input, size);
  if (mode == "bilinear" && antialias) return at::_upsample_bilinear2d_aa(input, size, alignCorners);
  if (mode == "bilinear") return at::upsample_bilinear2d(input, size, alignCorners);
  if (mode == "bicubic" && antialias) return at::_upsample_bicubic2d_aa(input, size, alignCorners);
  if (mode == "bicubic") return at::upsample_bicubic2d(input, size, alignCorners);
  throw Error("ERR_VALUE", "unknown mode '" + mode + "'; known: nearest, bilinear, bicubic");
}

at::Tensor gelu(const at::Tensor& x, std::string approximate) { return at::gelu(x, approximate); }
at::Tensor leakyRelu(const at::Tensor& x, double slope) { return at::leaky_relu(x, slope); }
at::Tensor elu(const at::Tensor& x, double alpha) { return at::elu(x, alpha); }
at::Tensor softplus(const at::Tensor& x, double beta, double threshold) { return at::softplus(x, beta, threshold); }
at::Tensor mish(const at::Tensor& x) { return at::mish(x); }
at::Tensor embedding(const at::Tensor& weight, const at::Tensor& indices) { return at::embedding(weight, indices); }
at::Tensor pixelShuffle(const at::Tensor& x, int64_t factor) {
  checkPositive({factor}, "factor");
  return at::pixel_shuffle(x, factor);
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
  bind<&linear>(exports, "linear", {"input", "weight", "bias"});
  bind<&pad>(exports, "pad", {"input", "amounts", "mode", "value"});
  bind<&maxPool2d>(exports, "maxPool2d", {"input", "kernelSize", "stride", "padding", "dilation", "ceilMode"});
  bind<&avgPool2d>(exports, "avgPool2d", {"input", "kernelSize", "stride", "padding", "ceilMode", "countIncludePad"});
  bind<&adaptiveAvgPool2d>(exports, "adaptiveAvgPool2d", {"input", "size"});
  bind<&interpolate>(exports, "interpolate", {"input", "size", "mode", "alignCorners", "antialias"});
  bind<&gelu>(exports, "gelu", {"input", "approximate"});
  bind<&leakyRelu>(exports, "leakyRelu", {"input", "slope"});
  bind<&elu>(exports, "elu", {"input", "alpha"});
  bind<&softplus>(exports, "softplus", {"input", "beta", "threshold"});
  bind<&mish>(exports, "mish", {"input"});
  bind<&embedding>(exports, "embedding", {"weight", "indices"});
  bind<&pixelShuffle>(exports, "pixelShuffle", {"input", "factor"});
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
