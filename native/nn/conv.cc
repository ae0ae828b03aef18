// Convolutions of one to three dimensions and their transposes.
#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/conv_transpose1d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/conv_transpose3d.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Sizes = std::vector<int64_t>;
using Optional = std::optional<at::Tensor>;

void checkSettings(const Sizes& stride, const Sizes& dilation, int64_t groups) {
  checkPositive(stride, "stride");
  checkPositive(dilation, "dilation");
  checkPositive({groups}, "groups");
}

template <auto Fn>
at::Tensor conv(const at::Tensor& input, const at::Tensor& weight, Optional bias, Sizes stride, Sizes padding,
                Sizes dilation, int64_t groups) {
  checkSettings(stride, dilation, groups);
  return Fn(input, weight, bias, stride, padding, dilation, groups);
}

template <auto Fn>
at::Tensor convTranspose(const at::Tensor& input, const at::Tensor& weight, Optional bias, Sizes stride, Sizes padding,
                         Sizes outputPadding, int64_t groups, Sizes dilation) {
  checkSettings(stride, dilation, groups);
  return Fn(input, weight, bias, stride, padding, outputPadding, groups, dilation);
}

// libtorch overloads each convolution for padding given as a word. These are the overloads with numbers.
using Conv = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::IntArrayRef,
                            at::IntArrayRef, at::IntArrayRef, int64_t);
using ConvTranspose = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                     at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, at::IntArrayRef);

}  // namespace

void initConv(const Exports& exports) {
  const auto arguments = {"input", "weight", "bias", "stride", "padding", "dilation", "groups"};
  bind<&conv<static_cast<Conv>(&at::conv1d)>>(exports, "conv1d", arguments);
  bind<&conv<static_cast<Conv>(&at::conv2d)>>(exports, "conv2d", arguments);
  bind<&conv<static_cast<Conv>(&at::conv3d)>>(exports, "conv3d", arguments);
  const auto transposed = {"input", "weight", "bias", "stride", "padding", "outputPadding", "groups", "dilation"};
  bind<&convTranspose<static_cast<ConvTranspose>(&at::conv_transpose1d)>>(exports, "convTranspose1d", transposed);
  bind<&convTranspose<static_cast<ConvTranspose>(&at::conv_transpose2d)>>(exports, "convTranspose2d", transposed);
  bind<&convTranspose<static_cast<ConvTranspose>(&at::conv_transpose3d)>>(exports, "convTranspose3d", transposed);
}

}  // namespace mbconv
