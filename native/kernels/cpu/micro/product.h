// Products of pixels and packed weights: the tile and the rows of tiles.
#pragma once

#include "kernels/cpu/micro/epilogue.h"

namespace mbconv::kernels {
namespace {

constexpr int kPanel = kRegisters == 32 ? kMaxPanel : 2;

// The strides of pixels that are known to the compiler become part of the instructions. 0 means known only at run time.
template <int pixelStride>
MBCONV_INLINE ptrdiff_t strideOf(ptrdiff_t stride) {
  return pixelStride == 0 ? stride : pixelStride;
}

// A part of the terms of all sums. The weights of a run stay in the first level of cache while the pixels pass, and a
// sum that is made of the sums of runs has less rounding than one long sum.
struct Terms {
  const ptrdiff_t* segments;
  const float* weights;
  int depth;
  bool isFirst;   // sums begin at the bias; otherwise at what lies in the output
  Finish finish;  // of complete sums. Null: they go to the output as they are
  // The weights of the next run, which tiles fetch into the cache line by line while they compute.
  const float* ahead;
};
constexpr int kRun = kMaxSegment;
constexpr int kLineFloats = 16;

// sums[pixel][vector] += Σ_k input[pixel][k] · weights[k][vector]
template <int pixels, int vectors, int pixelStride>
MBCONV_INLINE void multiply(const Product& product, Terms& terms, const float* input, Vec (&sums)[pixels][vectors]) {
  const ptrdiff_t stride = strideOf<pixelStride>(product.inputPixel);
  const float* weights = terms.weights;
  const float* ahead = terms.ahead;
  const ptrdiff_t* segment = terms.segments;
  for (int left = terms.depth; left > 0; left -= product.segmentLength) {
    const float* from = input + *segment++;
    const int length = left < product.segmentLength ? left : product.segmentLength;
    for (int k = 0; k < length; ++k) {
      Vec row[vectors];
      MBCONV_UNROLL for (int v = 0; v < vectors; ++v) row[v] = load(weights + v * kLanes);
      weights += vectors * kLanes;
      __builtin_prefetch(ahead, 0, 2);
      ahead += kLineFloats;
      MBCONV_UNROLL for (int m = 0; m < pixels; ++m) {
        const Vec value = all(from[m * stride + k]);
        MBCONV_UNROLL for (int v = 0; v < vectors; ++v) sums[m][v] += value * row[v];
      }
    }
  }
  terms.ahead = ahead;
}

// `count` tiles of the same size, one after another in a row.
template <int pixels, int vectors, int pixelStride>
void tiles(const Product& product, Terms& terms, int count, const float* input, const float* residual, float* output,
           Running* running) {
  const ptrdiff_t stride = strideOf<pixelStride>(product.inputPixel);
  for (; count > 0; --count) {
    Vec sums[pixels][vectors];
    MBCONV_UNROLL for (int v = 0; v < vectors; ++v) {
      const Vec bias = load(product.epilogue.bias + v * kLanes);
      MBCONV_UNROLL for (int m = 0; m < pixels; ++m) sums[m][v] = terms.isFirst ? bias : zero();
    }
    multiply<pixels, vectors, pixelStride>(product, terms, input, sums);
    if (!terms.isFirst) {
      MBCONV_UNROLL for (int v = 0; v < vectors; ++v) {
        MBCONV_UNROLL for (int m = 0; m < pixels; ++m) sums[m][v] =
            load(output + v * product.outputVector + m * product.outputPixel) + sums[m][v];
      }
    }
    if (terms.finish == nullptr) {
      MBCONV_UNROLL for (int v = 0; v < vectors; ++v) {
        MBCONV_UNROLL for (int m = 0; m < pixels; ++m)
            store(output + v * product.outputVector + m * product.outputPixel, sums[m][v]);
      }
    } else {
      // A copy: sums whose address is known elsewhere would not stay in registers.
      Vec complete[pixels * vectors];
      MBCONV_UNROLL for (int v = 0; v < vectors; ++v) {
        MBCONV_UNROLL for (int m = 0; m < pixels; ++m) complete[v * pixels + m] = sums[m][v];
      }
      terms.finish(product, pixels, complete, residual, output, running);
    }
    input += pixels * stride;
    output += pixels * product.outputPixel;
    if (residual != nullptr) residual += pixels * product.outputPixel;
  }
}

using Tiles = void (*)(const Product&, Terms&, int, const float*, const float*, float*, Running*);

template <int vectors, int pixelStride>
constexpr Tiles kTilesOf[8] = {tiles<1, vectors, pixelStride>,
                               tiles<2, vectors, pixelStride>,
                               tiles<3, vectors, pixelStride>,
                               tiles<4, vectors, pixelStride>,
                               tiles<5, vectors, pixelStride>,
                               tiles<6, vectors, pixelStride>,
                               tiles<kMaxRows == 8 ? 7 : 6, vectors, pixelStride>,
                               tiles<kMaxRows, vectors, pixelStride>};

template <int pixelStride>
MBCONV_INLINE const Tiles* tilesOf(int vectors) {
  if (vectors == 1) return kTilesOf<1, pixelStride>;
  if (vectors == 2 || kPanel == 2) return kTilesOf<2, pixelStride>;
  return kTilesOf<kPanel, pixelStride>;
}

// All rows, for a part of the terms. A row is cut into tiles of nearly the same size: a short tile at the end would
// leave most of the registers unused.
MBCONV_INLINE void addTerms(const Product& product, Terms& terms, const Tiles* sizes, Running* running) {
  const int count = (product.pixels + kMaxRows - 1) / kMaxRows;
  const int size = product.pixels / count;
  const int longer = product.pixels % count;
  const ptrdiff_t done = static_cast<ptrdiff_t>(longer) * (size + 1);
  for (int y = 0; y < product.rows; ++y) {
    const float* input = product.input + y * product.inputRow;
    float* output = product.output + y * product.outputRow;
    const float* residual = product.epilogue.residual;
    if (residual != nullptr) residual += y * product.outputRow;
    if (longer > 0) sizes[size](product, terms, longer, input, residual, output, running);
    if (residual != nullptr) residual += done * product.outputPixel;
    sizes[size - 1](product, terms, count - longer, input + done * product.inputPixel, residual,
                    output + done * product.outputPixel, running);
  }
}

void product(const Product& product) {
  if (product.pixels == 0) return;
  const Tiles* sizes = product.inputPixel == kLanes ? tilesOf<kLanes>(product.vectors) : tilesOf<0>(product.vectors);
  Running running[kMaxPanel];
  const int segments = kRun / product.segmentLength;
  const int run = segments * product.segmentLength;
  Terms terms = {product.segments, product.panel, 0, true, nullptr, nullptr};
  for (int left = product.depth; left > 0; left -= run) {
    terms.depth = left < run ? left : run;
    if (left <= run) terms.finish = finishOf(product);
    terms.ahead = terms.weights + static_cast<ptrdiff_t>(terms.depth) * product.vectors * kLanes;
    addTerms(product, terms, sizes, running);
    terms.segments += segments;
    terms.weights += static_cast<ptrdiff_t>(run) * product.vectors * kLanes;
    terms.isFirst = false;
  }
  if (product.sums == nullptr) return;
  for (int v = 0; v < product.vectors; ++v)
    store(product.sums + v * kLanes, load(product.sums + v * kLanes) + running[v].value);
}

}  // namespace
}  // namespace mbconv::kernels
