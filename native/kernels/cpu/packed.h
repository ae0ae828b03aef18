// Weights in the order that the kernels read them.
#pragma once

#include <vector>

#include "kernels/cpu/buffer.h"
#include "kernels/cpu/micro/table.h"

namespace mbconv::kernels {

inline int roundedUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// The floats of a block that a segment of a window holds: so many that they divide both a block and the channels, so
// that no filled-up channel is multiplied; a whole block where that would be too few.
inline int windowSegment(int channels, int lanes) {
  int length = lanes;
  while (length > 1 && channels % length != 0) length /= 2;
  return length >= 4 ? length : lanes;
}

// The matrix of a convolution or a linear layer, in panels of a few vectors of outputs: [panel][depth][vectors][lanes].
struct PackedMatrix {
  struct Panel {
    int first = 0;  // its first vector of outputs
    int vectors = 0;
    size_t weights = 0;  // where it begins, floats
  };

  // How a sum runs over the inputs of a pixel.
  enum class Order {
    blocks,  // block of channels, row of the kernel, column, channel: for feature maps in blocks
    pixels,  // row of the kernel, column, channel: for images whose channels lie side by side
  };

  // weights [outputs][inputs][kernel][kernel], bias [outputs] or null
  PackedMatrix(const float* weights, const float* bias, int outputs, int inputs, int kernel, Order order,
               const Table& table);

  const float* panel(const Panel& panel) const { return weights.data() + panel.weights; }
  const float* panelBias(const Panel& panel) const { return bias.data() + static_cast<size_t>(panel.first) * lanes; }

  int lanes;
  int vectors;  // of outputs
  int depth;    // terms of a sum
  std::vector<Panel> panels;
  Buffer weights;
  Buffer bias;  // [vectors][lanes]
};

// The weights of a depthwise convolution: [block][kernel][kernel][lanes].
struct PackedDepthwise {
  // weights [channels][1][kernel][kernel], bias [channels]
  PackedDepthwise(const float* weights, const float* bias, int channels, int kernel, const Table& table);

  Buffer weights;
  Buffer bias;
};

// The two layers of squeeze-and-excitation, their channels filled up to whole vectors.
struct PackedSqueezeExcite {
  // first [squeezed][channels], second [channels][squeezed]
  PackedSqueezeExcite(const float* first, const float* firstBias, const float* second, const float* secondBias,
                      int channels, int squeezed, const Table& table);

  Buffer first, firstBias, second, secondBias;
};

}  // namespace mbconv::kernels
