// Joins layers into steps.
#include <string>

#include "binding/error.h"
#include "plan/steps.h"

namespace mbconv::plan {

namespace {

// The layer that alone reads the output of layer `index`, if it is the next one; -1 otherwise.
int onlyReader(const Network& network, int index) {
  const int next = index + 1;
  if (next >= static_cast<int>(network.layers.size()) || network.readers[next] != 1) return -1;
  return network.layers[next].input == next ? next : -1;
}

bool isPlain(const Layer& layer) { return layer.residual < 0 && layer.gate < 0; }

// From so many pixels on, the weights of two joined convolutions are read seldom enough by each chunk of rows.
constexpr int kFusedPixels = 500;

bool joinsDepthwise(const Layer& conv, const Layer& next) {
  return next.op == Op::depthwise && isPlain(conv) && (conv.input == 0 || (conv.kernel == 1 && conv.stride == 1));
}

bool isLarge(const Layer& conv, const Shape& input) {
  return conv.op == Op::conv && conv.input != 0 && conv.kernel > 1 && conv.gate < 0 &&
         input.pixels() / (conv.stride * conv.stride) >= kFusedPixels;
}
bool joinsProjection(const Layer& conv, const Layer& next) {
  return next.op == Op::conv && next.kernel == 1 && next.stride == 1 && next.gate < 0 && isPlain(conv);
}
// Whether all weights of a convolution stay in the second level of cache, so that each chunk of rows may read them.
constexpr int64_t kSmallWeights = 512 << 8;
bool hasSmallWeights(const Layer& conv) {
  return int64_t{conv.inputs} * conv.outputs * conv.kernel * conv.kernel <= kSmallWeights;
}

bool joinsMean(const Layer& conv, const Layer& next) {
  return next.op == Op::globalPool && next.pool == Pool::mean && isPlain(conv) && conv.input != 0 && conv.kernel == 1 &&
         conv.stride == 1;
}

void checkSize(size_t index, const Layer& layer, const Geometry& geometry) {
  const Shape& input = geometry.shapes[layer.input];
  const int height = extentOf(input.height, layer).size;
  const int width = extentOf(input.width, layer).size;
  const std::string name = "layer " + std::to_string(index) + ": ";
  if (height < 1 || width < 1) {
    throw Error("ERR_SHAPE", name + "a map of " + std::to_string(input.height) + " x " + std::to_string(input.width) +
                                 " px is smaller than the kernel");
  }
  if (layer.residual < 0) return;
  const Shape& residual = geometry.shapes[layer.residual];
  if (residual.height != height || residual.width != width)
    throw Error("ERR_SHAPE", name + "its residual has another size");
}

}  // namespace

std::string arrow(const Shape& from, const Shape& to) {
  const auto text = [](const Shape& shape) {
    std::string channels = std::to_string(shape.channels);
    if (shape.pixels() == 1) return channels;
    return std::to_string(shape.height) + " x " + std::to_string(shape.width) + " x " + channels;
  };
  return text(from) + " → " + text(to);
}

double flopsOf(const Layer& layer, const Shape& to) {
  const double terms = layer.op == Op::depthwise ? 1 : layer.inputs;
  return 2.0 * terms * layer.kernel * layer.kernel * layer.outputs * to.pixels();
}

std::vector<std::unique_ptr<Step>> makeSteps(const Network& network, int height, int width, Geometry& geometry) {
  std::vector<std::unique_ptr<Step>> steps;
  const std::vector<Layer>& layers = network.layers;
  const auto making = [&] { return Making{network, geometry, static_cast<int>(steps.size())}; };
  geometry.shapes[0] = {layers[0].inputs, height, width};
  checkSize(0, layers[0], geometry);
  steps.push_back(makeImageStep(making(), 0));
  for (int index = 0; index < static_cast<int>(layers.size()); ++index) {
    const Layer& layer = layers[index];
    if (layer.op == Op::linear) break;
    const Shape& input = geometry.shapes[layer.input];
    checkSize(index, layer, geometry);
    const int next = onlyReader(network, index);
    if (layer.op == Op::conv && next >= 0 && joinsDepthwise(layer, layers[next])) {
      steps.push_back(makeFrontStep(making(), index, next));
      index = next;
    } else if (isLarge(layer, input) && next >= 0 && joinsProjection(layer, layers[next])) {
      steps.push_back(makeFusedStep(making(), index, next));
      index = next;
    } else if (isLarge(layer, input) && hasSmallWeights(layer)) {
      steps.push_back(makeFusedStep(making(), index, -1));
    } else if (layer.op == Op::conv && next >= 0 && joinsMean(layer, layers[next])) {
      steps.push_back(makeHeadStep(making(), index, next));
      index = next;
    } else if (layer.op == Op::conv) {
      steps.push_back(makeConvStep(making(), index));
    } else if (layer.op == Op::depthwise) {
      steps.push_back(makeFrontStep(making(), -1, index));
    } else if (layer.op == Op::squeezeExcite) {
      steps.push_back(makeGateStep(making(), index));
    } else {
      steps.push_back(makePoolStep(making(), index));
    }
  }
  return steps;
}

}  // namespace mbconv::plan
