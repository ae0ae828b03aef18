// The weights of a product, packed anew in every pass: training changes them each time.
#pragma once

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cpu/packed.h"

namespace mbconv::block {

using kernels::PackedMatrix;

// The panels of so many vectors of outputs. Two panels of two are faster than one of three and one of one.
inline std::vector<PackedMatrix::Panel> panelsOf(int vectors, int depth, const kernels::Table& table) {
  std::vector<PackedMatrix::Panel> panels;
  for (int first = 0; first < vectors;) {
    const int left = vectors - first;
    const int width = left == table.panel + 1 ? (left + 1) / 2 : std::min(left, table.panel);
    panels.push_back({first, width, static_cast<size_t>(first) * table.lanes * depth});
    first += width;
  }
  return panels;
}

struct Matrix {
  Matrix(int outputs, int depth, const kernels::Table& table)
      : outputs(outputs),
        depth(depth),
        lanes(table.lanes),
        panels(panelsOf(kernels::roundedUp(outputs, lanes) / lanes, depth, table)),
        memory(at::empty({static_cast<int64_t>(kernels::roundedUp(outputs, lanes)) * depth}, at::kFloat)),
        weights(memory.data_ptr<float>()) {}

  // Packs one panel of source[output · outputStride + k · depthStride]. Outputs that fill up the last vector are zeros.
  void pack(const PackedMatrix::Panel& panel, const float* source, ptrdiff_t outputStride,
            ptrdiff_t depthStride) const {
    const int first = panel.first * lanes;
    const int width = panel.vectors * lanes;
    const int count = std::min(width, outputs - first);
    float* to = weights + panel.weights;
    source += first * outputStride;
    for (int k = 0; k < depth; ++k, to += width) {
      const float* from = source + k * depthStride;
      if (outputStride == 1) {
        std::memcpy(to, from, count * sizeof(float));
      } else {
        for (int i = 0; i < count; ++i) to[i] = from[i * outputStride];
      }
      std::fill(to + count, to + width, 0.0f);
    }
  }

  int outputs, depth, lanes;
  std::vector<PackedMatrix::Panel> panels;
  at::Tensor memory;
  float* weights;
};

}  // namespace mbconv::block
