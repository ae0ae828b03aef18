// What becomes of the sums of a product once they are complete: an activation and a residual, and then they are stored
// or added up.
//
// The epilogues are functions of their own, which tiles of all sizes call: as parts of the tiles they would be compiled
// for each size, which takes most of a minute for a wide instruction set. The way through the memory between the two
// costs little: a tile's sums stay in the first level of cache.
#pragma once

#include "kernels/cpu/micro/activation.h"

namespace mbconv::kernels {
namespace {

// The most pixels of a tile: its sums, one vector of weights for each column and one broadcast input fill the
// registers.
constexpr int kMaxRows = kRegisters == 32 ? 8 : 6;

// Of a tile: sums [vector][pixel]. The residual, where there is one, and the output lie as the product says.
using Finish = void (*)(const Product&, int pixels, const Vec* sums, const float* residual, float* output,
                        Running* running);

enum class Ending {
  activates,   // activation(sum)
  addsAfter,   // activation(sum) + residual
  addsBefore,  // activation(sum + residual)
  addsUp,      // the activations of all pixels are added up, and not stored
};

template <Activation kind, Ending ending>
void finish(const Product& product, int pixels, const Vec* sums, const float* residual, float* output,
            Running* running) {
  for (int v = 0; v < product.vectors; ++v, sums += pixels) {
    if constexpr (ending == Ending::addsUp) {
      Vec column[kMaxRows] = {};
      for (int m = 0; m < pixels; ++m) column[m] = activate<kind>(sums[m]);
      running[v].add(sumOf(column));
    } else {
      const ptrdiff_t first = v * product.outputVector;
      for (int m = 0; m < pixels; ++m) {
        const ptrdiff_t at = first + m * product.outputPixel;
        Vec value = sums[m];
        if constexpr (ending == Ending::addsBefore) value += load(residual + at);
        value = activate<kind>(value);
        if constexpr (ending == Ending::addsAfter) value += load(residual + at);
        store(output + at, value);
      }
    }
  }
}

// Null where sums are stored as they are.
MBCONV_INLINE Finish finishOf(const Product& product) {
  Finish found = nullptr;
  choose(product.epilogue.activation, [&]<Activation kind>(Chosen<kind>) {
    if (product.sums != nullptr)
      found = finish<kind, Ending::addsUp>;
    else if (product.epilogue.residual == nullptr)
      found = kind == Activation::none ? nullptr : finish<kind, Ending::activates>;
    else
      found = product.epilogue.activatesSum ? finish<kind, Ending::addsBefore> : finish<kind, Ending::addsAfter>;
  });
  return found;
}

}  // namespace
}  // namespace mbconv::kernels
