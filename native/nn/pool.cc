// Pooling of one to three dimensions, and sliding blocks as columns.
#include <ATen/Functions.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Sizes = std::vector<int64_t>;

using MaxPool = Tensor (*)(const Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, bool);

template <auto Fn>
Tensor maxPool(const Tensor& input, Sizes kernel, Sizes stride, Sizes padding, Sizes dilation, bool ceilMode) {
  checkPositive(kernel, "kernel size");
  checkPositive(stride, "stride");
  checkPositive(dilation, "dilation");
  return Fn(input, kernel, stride, padding, dilation, ceilMode);
}

// libtorch walks the whole window, however far it extends beyond the input.
Tensor maxPool1d(const Tensor& input, Sizes kernel, Sizes stride, Sizes padding, Sizes dilation, bool ceilMode) {
  if (input.dim() > 0 && kernel.size() == 1 && stride.size() == 1 && padding.size() == 1 && dilation.size() == 1) {
    const double window = (static_cast<double>(kernel[0]) - 1) * static_cast<double>(dilation[0]) + 1;
    const double room = static_cast<double>(input.size(-1)) + 2 * static_cast<double>(padding[0]) +
                        (ceilMode ? static_cast<double>(stride[0]) - 1 : 0);
    if (window > room || window > 2147483647.0)
      throw Error("ERR_SHAPE", "the window, " + std::to_string(kernel[0]) + " elements with dilation " +
                                   std::to_string(dilation[0]) + ", does not fit into the padded input");
  }
  return maxPool<static_cast<MaxPool>(&at::max_pool1d)>(input, kernel, stride, padding, dilation, ceilMode);
}

// The one-dimensional function has no divisor to override, so its signature is shorter.
Tensor avgPool1d(const Tensor& input, Sizes kernel, Sizes stride, Sizes padding, bool ceilMode, bool countIncludePad) {
  checkPositive(kernel, "kernel size");
  checkPositive(stride, "stride");
  return at::avg_pool1d(input, kernel, stride, padding, ceilMode, countIncludePad);
}
template <auto Fn>
Tensor avgPool(const Tensor& input, Sizes kernel, Sizes stride, Sizes padding, bool ceilMode, bool countIncludePad) {
  checkPositive(kernel, "kernel size");
  checkPositive(stride, "stride");
  return Fn(input, kernel, stride, padding, ceilMode, countIncludePad, std::nullopt);
}

template <auto Fn>
Tensor adaptiveAvgPool(const Tensor& input, Sizes size) {
  checkPositive(size, "output size");
  return Fn(input, size);
}
template <auto Fn>
Tensor adaptiveMaxPool(const Tensor& input, Sizes size) {
  checkPositive(size, "output size");
  return std::get<0>(Fn(input, size));
}

using AvgPool = Tensor (*)(const Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, bool, bool,
                           std::optional<int64_t>);
using AdaptiveAvg = Tensor (*)(const Tensor&, at::IntArrayRef);
using AdaptiveMax = std::tuple<Tensor, Tensor> (*)(const Tensor&, at::IntArrayRef);

// libtorch's kernels count in 32 bits, and write out of bounds when the count overflows.
void checkBlocks(const Sizes& kernel, const Sizes& dilation, const Sizes& padding, const Sizes& stride) {
  checkPositive(kernel, "kernel size");
  checkPositive(dilation, "dilation");
  checkPositive(stride, "stride");
  constexpr int64_t kMost = 1 << 14;  // products of two stay far below 2^31
  for (const Sizes* sizes : {&kernel, &dilation, &padding, &stride}) {
    for (int64_t size : *sizes) {
      if (size < 0 || size > kMost)
        throw Error("ERR_VALUE", "kernel size, dilation, padding and stride must lie between 0 and " +
                                     std::to_string(kMost) + ", got " + std::to_string(size));
    }
  }
}
Tensor im2col(const Tensor& input, Sizes kernel, Sizes dilation, Sizes padding, Sizes stride) {
  checkBlocks(kernel, dilation, padding, stride);
  return at::im2col(input, kernel, dilation, padding, stride);
}
Tensor col2im(const Tensor& input, Sizes size, Sizes kernel, Sizes dilation, Sizes padding, Sizes stride) {
  checkPositive(size, "output size");
  checkBlocks(kernel, dilation, padding, stride);
  return at::col2im(input, size, kernel, dilation, padding, stride);
}

}  // namespace

void initPool(const Exports& exports) {
  const auto max = {"input", "kernelSize", "stride", "padding", "dilation", "ceilMode"};
  bind<&maxPool1d>(exports, "maxPool1d", max);
  bind<&maxPool<static_cast<MaxPool>(&at::max_pool2d)>>(exports, "maxPool2d", max);
  bind<&maxPool<static_cast<MaxPool>(&at::max_pool3d)>>(exports, "maxPool3d", max);
  const auto avg = {"input", "kernelSize", "stride", "padding", "ceilMode", "countIncludePad"};
  bind<&avgPool1d>(exports, "avgPool1d", avg);
  bind<&avgPool<static_cast<AvgPool>(&at::avg_pool2d)>>(exports, "avgPool2d", avg);
  bind<&avgPool<static_cast<AvgPool>(&at::avg_pool3d)>>(exports, "avgPool3d", avg);
  const auto adaptive = {"input", "size"};
  bind<&adaptiveAvgPool<static_cast<AdaptiveAvg>(&at::adaptive_avg_pool1d)>>(exports, "adaptiveAvgPool1d", adaptive);
  bind<&adaptiveAvgPool<static_cast<AdaptiveAvg>(&at::adaptive_avg_pool2d)>>(exports, "adaptiveAvgPool2d", adaptive);
  bind<&adaptiveAvgPool<static_cast<AdaptiveAvg>(&at::adaptive_avg_pool3d)>>(exports, "adaptiveAvgPool3d", adaptive);
  bind<&adaptiveMaxPool<static_cast<AdaptiveMax>(&at::adaptive_max_pool1d)>>(exports, "adaptiveMaxPool1d", adaptive);
  bind<&adaptiveMaxPool<static_cast<AdaptiveMax>(&at::adaptive_max_pool2d)>>(exports, "adaptiveMaxPool2d", adaptive);
  bind<&adaptiveMaxPool<static_cast<AdaptiveMax>(&at::adaptive_max_pool3d)>>(exports, "adaptiveMaxPool3d", adaptive);
  bind<&im2col>(exports, "im2col", {"input", "kernelSize", "dilation", "padding", "stride"});
  bind<&col2im>(exports, "col2im", {"input", "size", "kernelSize", "dilation", "padding", "stride"});
}

}  // namespace mbconv
