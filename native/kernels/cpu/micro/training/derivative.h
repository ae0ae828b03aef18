// Activations together with their derivatives. At the corners the derivatives are libtorch's.
#pragma once

#include "kernels/cpu/micro/activation.h"

namespace mbconv::kernels {
namespace {

struct Derived {
  Vec value, derivative;
};

template <Activation kind>
MBCONV_INLINE Derived derive(Vec x) {
  if constexpr (kind == Activation::silu) {
    const Vec factor = sigmoid(x);
    const Vec value = x * factor;
    return {value, factor + value * (1.0f - factor)};
  }
  if constexpr (kind == Activation::relu) return {relu(x), x <= zero() ? zero() : all(1.0f)};
  if constexpr (kind == Activation::relu6) {
    const Vec below = x >= all(6.0f) ? zero() : all(1.0f);
    return {relu6(x), x <= zero() ? zero() : below};
  }
  if constexpr (kind == Activation::hardswish) {
    const Vec inside = x <= all(3.0f) ? x * (1.0f / 3.0f) + 0.5f : all(1.0f);
    return {activate<kind>(x), x < all(-3.0f) ? zero() : inside};
  }
  return {x, all(1.0f)};
}

}  // namespace
}  // namespace mbconv::kernels
