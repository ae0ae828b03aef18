// The gradient of a product's weights: a tile of it stays in registers while the pixels pass.
#pragma once

#include "kernels/cpu/micro/training/table.h"
#include "kernels/cpu/micro/vector.h"

namespace mbconv::kernels {
namespace {

// Rows of a tile: they divide a block, and the tile fills the registers.
constexpr int kTileRows = kRegisters == 32 && kLanes >= 8 ? 8 : 4;

template <int vectors>
void weightTile(const WeightGradient& task, const float* input, const float* gradient, int pixels, bool adds,
                float* output) {
  Vec sums[kTileRows][vectors];
  MBCONV_UNROLL for (int k = 0; k < kTileRows; ++k) MBCONV_UNROLL for (int v = 0; v < vectors; ++v) sums[k][v] = zero();
  for (int m = 0; m < pixels; ++m) {
    Vec row[vectors];
    MBCONV_UNROLL for (int v = 0; v < vectors; ++v) row[v] = load(gradient + v * task.gradientVector);
    MBCONV_UNROLL for (int k = 0; k < kTileRows; ++k) {
      const Vec value = all(input[k]);
      MBCONV_UNROLL for (int v = 0; v < vectors; ++v) sums[k][v] += value * row[v];
    }
    input += task.inputPixel;
    gradient += task.gradientPixel;
  }
  MBCONV_UNROLL for (int k = 0; k < kTileRows; ++k) MBCONV_UNROLL for (int v = 0; v < vectors; ++v) {
    float* to = output + (k * vectors + v) * kLanes;
    store(to, adds ? load(to) + sums[k][v] : sums[k][v]);
  }
}

template <int vectors>
void weightTiles(const WeightGradient& task) {
  for (int from = 0; from < task.pixels; from += kWeightRun) {
    const int pixels = task.pixels - from < kWeightRun ? task.pixels - from : kWeightRun;
    for (int k = 0; k < task.inputs; k += kTileRows) {
      weightTile<vectors>(task, task.input + k / kLanes * task.inputBlock + k % kLanes + from * task.inputPixel,
                          task.gradient + from * task.gradientPixel, pixels, task.adds || from > 0,
                          task.output + static_cast<ptrdiff_t>(k) * vectors * kLanes);
    }
  }
}

void weightGradient(const WeightGradient& task) {
  if (task.vectors == 1) return weightTiles<1>(task);
  if (task.vectors == 2) return weightTiles<2>(task);
  weightTiles<3>(task);
}

}  // namespace
}  // namespace mbconv::kernels
