// Activations of vectors. NaN and infinity come out where libtorch has them.
#pragma once

#include "kernels/cpu/micro/table.h"
#include "kernels/cpu/micro/vector.h"

namespace mbconv::kernels {
namespace {

MBCONV_INLINE Vec sigmoid(Vec x) {
  constexpr float kLog2e = 1.44269504088896341f;
  // The bounds keep 2^-x finite and normal. NaN passes both.
  const Vec power = larger(all(-126.0f), x * -kLog2e);
  const Vec denominator = smaller(all(0x1p126f), 1.0f + exp2(power));
  return reciprocal(denominator);
}
MBCONV_INLINE Vec relu(Vec x) { return larger(zero(), x); }
MBCONV_INLINE Vec relu6(Vec x) { return smaller(all(6.0f), relu(x)); }
// x / 6, rounded as the division is: a factor of 1/6 would bend all layers the same way.
MBCONV_INLINE Vec sixth(Vec x) {
  const Vec estimate = x * (1.0f / 6.0f);
  return estimate + (x - 6.0f * estimate) * (1.0f / 6.0f);
}
MBCONV_INLINE Vec hardsigmoid(Vec x) { return sixth(relu6(x + 3.0f)); }
MBCONV_INLINE Vec hardswish(Vec x) { return x * hardsigmoid(x); }

template <Activation kind>
MBCONV_INLINE Vec activate(Vec x) {
  if constexpr (kind == Activation::silu) return x * sigmoid(x);
  if constexpr (kind == Activation::relu) return relu(x);
  if constexpr (kind == Activation::relu6) return relu6(x);
  if constexpr (kind == Activation::hardswish) return hardswish(x);
  if constexpr (kind == Activation::sigmoid) return sigmoid(x);
  if constexpr (kind == Activation::hardsigmoid) return hardsigmoid(x);
  return x;
}

template <Activation kind>
struct Chosen {};

// Calls body(Chosen<kind>), so that the choice is made once for many values. Of the activations that follow
// convolutions.
template <class Body>
MBCONV_INLINE void chooseLayer(Activation kind, Body body) {
  switch (kind) {
    case Activation::silu:
      return body(Chosen<Activation::silu>());
    case Activation::relu:
      return body(Chosen<Activation::relu>());
    case Activation::relu6:
      return body(Chosen<Activation::relu6>());
    case Activation::hardswish:
      return body(Chosen<Activation::hardswish>());
    default:
      return body(Chosen<Activation::none>());
  }
}

// The same, and of those that make a gate.
template <class Body>
MBCONV_INLINE void choose(Activation kind, Body body) {
  if (kind == Activation::sigmoid) return body(Chosen<Activation::sigmoid>());
  if (kind == Activation::hardsigmoid) return body(Chosen<Activation::hardsigmoid>());
  chooseLayer(kind, body);
}

}  // namespace
}  // namespace mbconv::kernels
