// What both passes over a block have: geometry, threads and their memory.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "block/cpu/block.h"
#include "block/cpu/matrix.h"
#include "block/cpu/statistics.h"
#include "kernels/cpu/crew.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/training.h"
#include "kernels/cpu/window.h"

namespace mbconv::block::cpu {

// A run of pixels is at most this long where all of a pixel's channels are wanted at once: they stay in the cache.
inline int wideRun(int filledChannels) {
  constexpr int kFloats = (400 << 10) / sizeof(float);
  return std::clamp(kFloats / filledChannels, 28, kernels::kPixelRun);
}

class Pass {
 public:
  explicit Pass(const Arguments& block)
      : block(block),
        geometry(block, kernels::table()),
        kernels(kernels::trainingTable()),
        lanes(geometry.lanes),
        crew(at::get_num_threads()) {}

  const Arguments& block;
  const Geometry geometry;
  const kernels::TrainingTable& kernels;
  const int lanes;
  kernels::Borrowed crew;

  // Calls body(task) for each task, with memory of the thread's own.
  template <class Body>
  void each(int tasks, size_t scratchFloats, const Body& body) {
    const size_t line = 64 / sizeof(float);
    const size_t floats = (scratchFloats + line - 1) / line * line;
    const at::Tensor memory = at::empty({static_cast<int64_t>(floats) * crew.threads()}, at::kFloat);
    float* scratch = memory.data_ptr<float>();
    crew.each(tasks, [&](int task, int thread) { body(task, scratch + floats * thread); });
  }
  template <class Body>
  void each(int tasks, const Body& body) {
    crew.each(tasks, [&](int task, int) { body(task); });
  }

  // The sums over the batch of a map of so many channels and pixels, whose parts term() tells: see batchSums.
  template <class Term>
  BatchSums sumsOf(int parts, int channels, int pixels, const Term& term) {
    const double count = static_cast<double>(geometry.images) * pixels;
    return batchSums([this](int tasks, const auto& body) { each(tasks, body); }, parts, channels, count, term);
  }

  // The tensor itself where it can be used, otherwise a copy.
  Map mapOf(const at::Tensor& tensor, bool mayBeTensor = true) {
    if (mayBeTensor && Map::has(geometry, tensor)) return Map(geometry, tensor);
    const int channels = static_cast<int>(tensor.size(1));
    const Map map(geometry, channels, static_cast<int>(tensor.size(2) * tensor.size(3)));
    each(geometry.images, [&](int image) { readImage(tensor, map, image); });
    return map;
  }
  void packAll(const Matrix& matrix, const at::Tensor& weights, ptrdiff_t outputStride, ptrdiff_t depthStride) {
    const float* source = weights.const_data_ptr<float>();
    each(static_cast<int>(matrix.panels.size()),
         [&](int panel) { matrix.pack(matrix.panels[panel], source, outputStride, depthStride); });
  }

  // output = input · panel + residual, over one row of pixels. The residual lies as the output does.
  void multiply(const Matrix& matrix, const PackedMatrix::Panel& panel, const Pixels& input, int pixels,
                const Pixels& output, const float* residual = nullptr) const {
    ptrdiff_t segments[kMaxBlocks];
    const bool isOne = input.plane == lanes;  // blocks lie side by side
    const int length = isOne ? kernels::kMaxSegment : lanes;
    const int count = (matrix.depth + length - 1) / length;
    for (int i = 0; i < count; ++i) segments[i] = i * (isOne ? length : input.plane);
    alignas(64) static const float kZeros[kernels::kMaxPanel * 16] = {};
    kernels::Product product;
    product.input = input.data;
    product.inputPixel = input.pixel;
    product.segments = segments;
    product.segmentLength = length;
    product.depth = matrix.depth;
    product.panel = matrix.weights + panel.weights;
    product.vectors = panel.vectors;
    product.pixels = pixels;
    product.output = output.data;
    product.outputPixel = output.pixel;
    product.outputVector = output.plane;
    product.epilogue.bias = kZeros;
    product.epilogue.residual = residual;
    geometry.table.product(product);
  }
  // The most blocks of a map.
  static constexpr int kMaxBlocks = 4096;

  // The input of the depthwise convolution with its padding, for some rows of outputs. All columns of the map are in
  // it.
  kernels::Window window(int firstRow, int rows) const {
    const int top = static_cast<int>(firstRow * geometry.stride - geometry.height.before);
    const int64_t width = std::max((geometry.width.output - 1) * geometry.stride + geometry.kernel,
                                   geometry.width.before + geometry.width.input);
    return {top,
            (rows - 1) * geometry.stride + geometry.kernel,
            static_cast<int>(width),
            static_cast<int>(geometry.width.before),
            static_cast<int>(geometry.height.input),
            static_cast<int>(geometry.width.input),
            lanes};
  }
};

}  // namespace mbconv::block::cpu
