// How a product reads its input: the strides and segments of a map, a padded map or an image.
#pragma once

#include <vector>

#include "plan/geometry.h"
#include "plan/layers.h"

namespace mbconv::plan {

struct Source {
  std::vector<ptrdiff_t> segments;
  int segmentLength = 0;
  int depth = 0;
  ptrdiff_t pixel = 0;  // between the inputs of two outputs that lie side by side
  ptrdiff_t row = 0;    // the same, below each other

  void describe(kernels::Product& product) const {
    product.segments = segments.data();
    product.segmentLength = segmentLength;
    product.depth = depth;
    product.inputPixel = pixel;
    product.inputRow = row;
  }
};

// A map without padding, for kernels of one pixel.
inline Source mapSource(const Geometry& geometry, const Shape& input, int stride) {
  const ptrdiff_t lanes = geometry.table.lanes;
  Source source{{}, static_cast<int>(lanes), input.channels, stride * lanes, stride * input.width * lanes};
  for (int block = 0; block < geometry.blocks(input.channels); ++block)
    source.segments.push_back(block * static_cast<ptrdiff_t>(geometry.plane(input)));
  return source;
}

// Rows of a map with padding around them: [blocks][height][width][lanes].
inline Source windowSource(const Geometry& geometry, int channels, int height, int width, const Layer& layer) {
  const int lanes = geometry.table.lanes;
  const int segment = kernels::windowSegment(channels, lanes);
  const int parts = kernels::roundedUp(channels, segment) / segment;
  Source source{{},
                segment,
                parts * segment * layer.kernel * layer.kernel,
                ptrdiff_t{layer.stride} * lanes,
                ptrdiff_t{layer.stride} * width * lanes};
  for (int part = 0; part < parts; ++part) {
    const int block = part * segment / lanes;
    for (int y = 0; y < layer.kernel; ++y)
      for (int x = 0; x < layer.kernel; ++x)
        source.segments.push_back(((ptrdiff_t{block} * height + y) * width + x) * lanes + part * segment % lanes);
  }
  return source;
}

// An image with padding around it: [height][width][channels].
inline Source imageSource(int width, const Layer& layer) {
  const ptrdiff_t channels = layer.inputs;
  const int row = layer.kernel * layer.inputs;
  // All segments but the last have the same length: a row of the kernel, or a part of it that divides it.
  int parts = 1;
  while (row % parts != 0 || row / parts > kernels::kMaxSegment) ++parts;
  Source source{{}, row / parts, layer.kernel * row, layer.stride * channels, layer.stride * width * channels};
  for (int y = 0; y < layer.kernel; ++y)
    for (int part = 0; part < parts; ++part)
      source.segments.push_back(y * width * channels + part * source.segmentLength);
  return source;
}

// The size of a padded input: exactly what the outputs read.
inline int paddedSize(int outputs, const Layer& layer) { return (outputs - 1) * layer.stride + layer.kernel; }

}  // namespace mbconv::plan
