#include "plan/layers.h"

#include <array>
#include <string>

#include "binding/error.h"

namespace mbconv::plan {

namespace {

constexpr size_t kFields = 15;
// Far beyond every network, and far below what would overflow.
constexpr int64_t kMost = 1 << 20;

[[noreturn]] void refuse(size_t index, const std::string& what) {
  throw Error("ERR_VALUE", "layer " + std::to_string(index) + ": " + what);
}

void checkTensor(size_t index, const std::vector<at::Tensor>& tensors, size_t at, std::vector<int64_t> shape) {
  if (at >= tensors.size()) refuse(index, "a tensor is missing");
  const at::Tensor& tensor = tensors[at];
  if (!tensor.device().is_cpu() || tensor.scalar_type() != at::kFloat)
    refuse(index, "its tensors must be float32 on the CPU");
  if (tensor.sizes() != shape) refuse(index, "the shape of tensor " + std::to_string(at) + " does not fit");
}

void checkTensors(size_t index, const Layer& layer, const std::vector<at::Tensor>& tensors) {
  const size_t at = layer.tensor;
  const int64_t kernel = layer.kernel;
  switch (layer.op) {
    case Op::conv:
    case Op::depthwise:
      checkTensor(index, tensors, at, {layer.outputs, layer.op == Op::conv ? layer.inputs : 1, kernel, kernel});
      return checkTensor(index, tensors, at + 1, {layer.outputs});
    case Op::squeezeExcite:
      checkTensor(index, tensors, at, {layer.squeezed, layer.inputs, 1, 1});
      checkTensor(index, tensors, at + 1, {layer.squeezed});
      checkTensor(index, tensors, at + 2, {layer.inputs, layer.squeezed, 1, 1});
      return checkTensor(index, tensors, at + 3, {layer.inputs});
    case Op::linear:
      checkTensor(index, tensors, at, {layer.outputs, layer.inputs});
      return checkTensor(index, tensors, at + 1, {layer.outputs});
    case Op::maxPool:
    case Op::globalPool:
      return;
  }
}

}  // namespace

std::vector<Layer> readLayers(const std::vector<int64_t>& numbers, const std::vector<at::Tensor>& tensors) {
  if (numbers.empty() || numbers.size() % kFields != 0) throw Error("ERR_VALUE", "the list of layers is incomplete");
  std::vector<Layer> layers;
  for (size_t index = 0; index < numbers.size() / kFields; ++index) {
    const int64_t* from = numbers.data() + index * kFields;
    const auto next = [&](int64_t least, int64_t most) {
      const int64_t value = *from++;
      if (value < least || value > most) refuse(index, std::to_string(value) + " is out of range");
      return static_cast<int>(value);
    };
    Layer layer;
    const int before = static_cast<int>(index);
    layer.op = static_cast<Op>(next(0, static_cast<int>(Op::linear)));
    layer.input = next(0, before);
    layer.residual = next(-1, before);
    layer.gate = next(-1, before);
    layer.inputs = next(1, kMost);
    layer.outputs = next(1, kMost);
    layer.kernel = next(1, 31);
    layer.stride = next(1, 2);
    layer.same = next(0, 1) != 0;
    layer.activation = static_cast<Activation>(next(0, static_cast<int>(Activation::hardswish)));
    layer.activatesSum = next(0, 1) != 0;
    layer.squeezed = next(0, kMost);
    layer.gateActivation = static_cast<Activation>(next(0, static_cast<int>(Activation::hardsigmoid)));
    layer.pool = static_cast<Pool>(next(0, 1));
    layer.tensor = next(0, kMost);
    if (layer.op == Op::depthwise && (layer.kernel < 3 || layer.kernel > kernels::kMaxKernel || layer.kernel % 2 == 0))
      refuse(index, "a depthwise kernel must be 3, 5 or 7");
    if (layer.op == Op::squeezeExcite && layer.squeezed == 0) refuse(index, "squeezed is 0");
    const auto channelsOf = [&](int value) { return value == 0 ? -1 : layers[value - 1].outputs; };
    if (layer.input > 0 && channelsOf(layer.input) != layer.inputs) refuse(index, "its input has other channels");
    if (layer.residual >= 0 && channelsOf(layer.residual) != layer.outputs)
      refuse(index, "its residual has other channels");
    if (layer.gate >= 0 && channelsOf(layer.gate) != layer.inputs) refuse(index, "its gate has other channels");
    if (layer.op != Op::conv && layer.op != Op::linear && layer.inputs != layer.outputs)
      refuse(index, "it has as many outputs as inputs");
    if (layer.op != Op::conv && (layer.residual >= 0 || layer.gate >= 0))
      refuse(index, "only a convolution has a residual or a gate");
    if (layer.gate >= 0) {
      const bool isGate = layer.gate > 0 && layers[layer.gate - 1].op == Op::squeezeExcite;
      if (!isGate || layers[layer.gate - 1].input != layer.input) refuse(index, "its gate is of another value");
    }
    checkTensors(index, layer, tensors);
    layers.push_back(layer);
  }
  return layers;
}

}  // namespace mbconv::plan
