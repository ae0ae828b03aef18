#include "block/definition/check.h"

#include <ATen/autocast_mode.h>

#include "binding/error.h"

namespace mbconv::block {

namespace {

std::string words(at::IntArrayRef sizes) {
  std::string text = "[";
  for (int64_t size : sizes) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

void checkShape(const char* name, const at::Tensor& tensor, at::IntArrayRef sizes) {
  if (tensor.sizes() != sizes)
    throw Error("ERR_SHAPE",
                std::string(name) + " must have the shape " + words(sizes) + ", got " + words(tensor.sizes()));
}

void checkNorm(const std::string& name, const Norm& norm, int64_t channels) {
  if (!norm.weight.defined() || !norm.bias.defined())
    throw Error("ERR_VALUE", name + "_weight and " + name + "_bias must be given");
  checkShape((name + "_weight").c_str(), norm.weight, {channels});
  checkShape((name + "_bias").c_str(), norm.bias, {channels});
  if (norm.mean.defined() != norm.var.defined())
    throw Error("ERR_VALUE", name + "_mean and " + name + "_var must be given together");
  if (norm.mean.defined()) checkShape((name + "_mean").c_str(), norm.mean, {channels});
  if (norm.var.defined()) checkShape((name + "_var").c_str(), norm.var, {channels});
}

std::vector<at::Tensor> tensorsOf(const Arguments& block) {
  std::vector<at::Tensor> tensors = {block.input,      block.expand,      block.depthwise,
                                     block.squeeze,    block.squeezeBias, block.excite,
                                     block.exciteBias, block.project,     block.branchScale};
  for (const Norm* norm : {&block.expandNorm, &block.depthwiseNorm, &block.projectNorm})
    for (const at::Tensor& tensor : {norm->weight, norm->bias, norm->mean, norm->var}) tensors.push_back(tensor);
  return tensors;
}

}  // namespace

void check(const Arguments& block) {
  const Settings& settings = block.settings;
  if (block.input.dim() != 4)
    throw Error("ERR_SHAPE", "input must have the shape [N, C, H, W], got " + words(block.input.sizes()));
  const int64_t images = block.input.size(0);
  const int64_t inputs = block.input.size(1);
  if (block.depthwise.dim() != 4 || block.depthwise.size(2) != block.depthwise.size(3))
    throw Error("ERR_SHAPE",
                "depthwise must have the shape [channels, 1, kernel, kernel], got " + words(block.depthwise.sizes()));
  const int64_t channels = block.depthwise.size(0);
  const int64_t kernel = block.depthwise.size(2);
  checkShape("depthwise", block.depthwise, {channels, 1, kernel, kernel});
  if (block.expands()) {
    checkShape("expand", block.expand, {channels, inputs, 1, 1});
    checkNorm("expand", block.expandNorm, channels);
  } else if (channels != inputs) {
    throw Error("ERR_SHAPE", "without expand, depthwise must have the input's " + std::to_string(inputs) +
                                 " channels, got " + std::to_string(channels));
  }
  checkNorm("depthwise", block.depthwiseNorm, channels);
  if (block.project.dim() != 4)
    throw Error("ERR_SHAPE",
                "project must have the shape [outputs, channels, 1, 1], got " + words(block.project.sizes()));
  const int64_t outputs = block.project.size(0);
  checkShape("project", block.project, {outputs, channels, 1, 1});
  checkNorm("project", block.projectNorm, outputs);
  if (block.squeezes()) {
    if (!block.squeezeBias.defined() || !block.excite.defined() || !block.exciteBias.defined())
      throw Error("ERR_VALUE", "squeeze, squeeze_bias, excite and excite_bias must be given together");
    if (block.squeeze.dim() != 4)
      throw Error("ERR_SHAPE",
                  "squeeze must have the shape [squeezed, channels, 1, 1], got " + words(block.squeeze.sizes()));
    const int64_t squeezed = block.squeeze.size(0);
    checkShape("squeeze", block.squeeze, {squeezed, channels, 1, 1});
    checkShape("squeeze_bias", block.squeezeBias, {squeezed});
    checkShape("excite", block.excite, {channels, squeezed, 1, 1});
    checkShape("excite_bias", block.exciteBias, {channels});
  } else if (block.squeezeBias.defined() || block.excite.defined() || block.exciteBias.defined()) {
    throw Error("ERR_VALUE", "squeeze, squeeze_bias, excite and excite_bias must be given together");
  }
  if (block.branchScale.defined()) checkShape("branch_scale", block.branchScale, {images});
  constexpr int64_t kMostStride = 1 << 30;
  if (settings.stride < 1 || settings.stride > kMostStride)
    throw Error("ERR_VALUE", "stride must lie between 1 and 2^30, got " + std::to_string(settings.stride));
  if (!(settings.eps > 0)) throw Error("ERR_VALUE", "eps must be positive, got " + std::to_string(settings.eps));
  if (kernel % 2 == 0) throw Error("ERR_VALUE", "the depthwise kernel must be odd, got " + std::to_string(kernel));
  const Side height = sideOf(block.input.size(2), kernel, settings);
  const Side width = sideOf(block.input.size(3), kernel, settings);
  if (settings.residual && (outputs != inputs || height.output != height.input || width.output != width.input))
    throw Error("ERR_SHAPE", "the residual needs an output of the input's shape " + words(block.input.sizes()));
  if (images * height.output * width.output == 1)
    throw Error("ERR_SHAPE",
                "Expected more than 1 value per channel when training, got input " + words(block.input.sizes()));
}

std::string unsupported(const Arguments& block) {
  const Settings& settings = block.settings;
  for (const at::Tensor& tensor : tensorsOf(block)) {
    if (!tensor.defined()) continue;
    if (!tensor.device().is_cpu()) return "has a tensor on " + tensor.device().str() + ": the kernels are for the CPU";
    if (tensor.scalar_type() != at::kFloat || tensor.layout() != at::kStrided)
      return std::string("has a tensor of ") + c10::toString(tensor.scalar_type()) + ": the kernels are for float32";
    // What libtorch's own layers would see, kernels that read memory do not: lazily negated values, tensors inside
    // vmap.
    if (tensor.is_neg() || tensor.unsafeGetTensorImpl()->is_python_dispatch())
      return "has a tensor that is not plain memory";
  }
  if (at::autocast::is_autocast_enabled(at::kCPU)) return "is called in mixed precision: the kernels are for float32";
  const int64_t kernel = block.depthwise.size(2);
  if (kernel != 3 && kernel != 5 && kernel != 7)
    return "has a kernel of " + std::to_string(kernel) + ": there are 3, 5 and 7";
  if (settings.stride > 2) return "has stride " + std::to_string(settings.stride) + ": there are 1 and 2";
  if (block.branchScale.defined() && block.branchScale.requires_grad()) return "wants a gradient of branch_scale";
  constexpr int64_t kMostChannels = 8192;
  constexpr int64_t kMostPixels = int64_t{1} << 22;
  if (std::max({block.input.size(1), block.depthwise.size(0), block.project.size(0)}) > kMostChannels)
    return "has more than " + std::to_string(kMostChannels) + " channels";
  if (block.input.size(2) * block.input.size(3) > kMostPixels)
    return "has images of more than " + std::to_string(kMostPixels) + " pixels";
  if (block.input.numel() == 0 || block.project.numel() == 0 || (block.squeezes() && block.squeeze.numel() == 0))
    return "has an empty tensor";
  const Side height = sideOf(block.input.size(2), kernel, settings);
  const Side width = sideOf(block.input.size(3), kernel, settings);
  if (height.output < 1 || width.output < 1) return "has no pixel in its output";
  return "";
}

}  // namespace mbconv::block
