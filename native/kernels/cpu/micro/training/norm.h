// The passes of batch norm: its statistics, its activation, and their gradients.
#pragma once

#include "kernels/cpu/micro/training/derivative.h"
#include "kernels/cpu/micro/training/table.h"

namespace mbconv::kernels {
namespace {

MBCONV_INLINE void addTo(double* total, Vec value) {
  alignas(64) float values[kLanes];
  store(values, value);
  for (int i = 0; i < kLanes; ++i) total[i] += values[i];
}

MBCONV_INLINE void addProductTo(double* total, Vec factor, Vec value) {
  alignas(64) float factors[kLanes], values[kLanes];
  store(factors, factor);
  store(values, value);
  for (int i = 0; i < kLanes; ++i) total[i] += static_cast<double>(factors[i]) * values[i];
}

// Calls body(first pixel, pixels) for runs of pixels, whose sums begin afresh.
template <class Body>
MBCONV_INLINE void eachRun(int pixels, Body body) {
  for (int from = 0; from < pixels; from += kSumRun) body(from, pixels - from < kSumRun ? pixels - from : kSumRun);
}

// In a run, a pixel is subtracted first: the squares of values far from zero would leave no digits for their variance.
void moments(const float* x, int pixels, double* sums) {
  eachRun(pixels, [&](int first, int count) __attribute__((always_inline)) {
    const float* from = x + static_cast<ptrdiff_t>(first) * kLanes;
    const Vec pivot = load(from);
    Vec sum[4] = {zero(), zero(), zero(), zero()};
    Vec square[4] = {zero(), zero(), zero(), zero()};
    int m = 0;
    for (; m + 4 <= count; m += 4) {
      MBCONV_UNROLL for (int i = 0; i < 4; ++i) {
        const Vec value = load(from + (m + i) * kLanes) - pivot;
        sum[i] += value;
        square[i] += value * value;
      }
    }
    for (; m < count; ++m) {
      const Vec value = load(from + m * kLanes) - pivot;
      sum[0] += value;
      square[0] += value * value;
    }
    alignas(64) float pivots[kLanes], totals[kLanes], squares[kLanes];
    store(pivots, pivot);
    store(totals, sumOf(sum));
    store(squares, sumOf(square));
    for (int i = 0; i < kLanes; ++i) {
      const double p = pivots[i];
      const double s = totals[i];
      sums[i] += s + count * p;
      sums[kLanes + i] += squares[i] + p * (2 * s + count * p);
    }
  });
}

template <Activation kind, bool derives>
MBCONV_INLINE void normalizeAs(const Normalize& task) {
  const Vec scale = load(task.scale);
  const Vec shift = load(task.shift);
  const Vec factor = task.factor == nullptr ? all(1.0f) : load(task.factor);
  const float* input = task.input;
  float* derivative = task.derivative;
  for (int y = 0; y < task.rows; ++y) {
    float* output = task.output + y * task.outputRow;
    for (int x = 0; x < task.pixels; ++x) {
      const Vec value = load(input) * scale + shift;
      if constexpr (derives) {
        const Derived derived = derive<kind>(value);
        store(output, derived.value * factor);
        store(derivative, derived.derivative);
        derivative += kLanes;
      } else {
        store(output, activate<kind>(value) * factor);
      }
      input += kLanes;
      output += kLanes;
    }
  }
}

void normalize(const Normalize& task) {
  chooseLayer(task.activation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
    if (task.derivative == nullptr)
      normalizeAs<kind, false>(task);
    else
      normalizeAs<kind, true>(task);
  });
}

void activatedSum(const float* x, const Activated& how, int pixels, double* total) {
  const Vec scale = load(how.scale);
  const Vec shift = load(how.shift);
  chooseLayer(how.activation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
    eachRun(pixels, [&](int first, int count) __attribute__((always_inline)) {
      Vec sum = zero();
      for (int m = first; m < first + count; ++m)
        sum += activate<kind>(load(x + static_cast<ptrdiff_t>(m) * kLanes) * scale + shift);
      addTo(total, sum);
    });
  });
}

void addNormalized(const AddNormalized& task) {
  const Vec scale = load(task.scale);
  const Vec shift = load(task.shift);
  const float* input = task.input;
  const float* residual = task.residual;
  float* output = task.output;
  for (int m = 0; m < task.pixels; ++m, input += kLanes, output += task.outputPixel) {
    Vec value = load(input) * scale + shift;
    if (residual != nullptr) {
      value += load(residual);
      residual += task.residualPixel;
    }
    store(output, value);
  }
}

void gradientSums(const float* gradient, ptrdiff_t gradientPixel, const float* x, const float* mean, int pixels,
                  double* sums) {
  const Vec center = load(mean);
  eachRun(pixels, [&](int first, int count) __attribute__((always_inline)) {
    Vec sum[2] = {zero(), zero()};
    Vec product[2] = {zero(), zero()};
    for (int m = 0; m < count; ++m) {
      const Vec g = load(gradient + (first + m) * gradientPixel);
      sum[m % 2] += g;
      product[m % 2] += g * (load(x + static_cast<ptrdiff_t>(first + m) * kLanes) - center);
    }
    addTo(sums, sum[0] + sum[1]);
    addTo(sums + kLanes, product[0] + product[1]);
  });
}

void derivedSums(const float* gradient, const float* derivative, const float* x, const float* mean, int pixels,
                 double* sums, float* output) {
  const Vec center = load(mean);
  eachRun(pixels, [&](int first, int count) __attribute__((always_inline)) {
    Vec sum = zero();
    Vec product = zero();
    for (int m = 0; m < count; ++m) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(first + m) * kLanes;
      const Vec g = load(gradient + at) * load(derivative + at);
      store(output + at, g);
      sum += g;
      product += g * (load(x + at) - center);
    }
    addTo(sums, sum);
    addTo(sums + kLanes, product);
  });
}

void normGradient(const float* gradient, ptrdiff_t gradientPixel, float factor, const float* x,
                  const NormGradient& norm, int pixels, float* output) {
  const Vec a = load(norm.a);
  const Vec b = load(norm.b);
  const Vec mean = load(norm.mean);
  const Vec c = load(norm.c);
  for (int m = 0; m < pixels; ++m, gradient += gradientPixel, x += kLanes, output += kLanes)
    store(output, (load(gradient) * factor - ((load(x) - mean) * b + c)) * a);
}

void gateSums(const GateSums& task) {
  const Vec scale = load(task.activated.scale);
  const Vec shift = load(task.activated.shift);
  const Vec mean = load(task.activated.mean);
  const Vec gate = load(task.gate);
  chooseLayer(task.activated.activation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
    eachRun(task.pixels, [&](int first, int count) __attribute__((always_inline)) {
      Vec ofNorm[2] = {zero(), zero()};
      Vec ofGate[3] = {zero(), zero(), zero()};
      for (int m = first; m < first + count; ++m) {
        const ptrdiff_t at = static_cast<ptrdiff_t>(m) * kLanes;
        const Vec x = load(task.input + at);
        const Vec g = load(task.gradient + at);
        const Derived y = derive<kind>(x * scale + shift);
        const Vec centered = x - mean;
        const Vec through = g * y.derivative;
        ofNorm[0] += through;
        ofNorm[1] += through * centered;
        ofGate[0] += g * y.value;
        ofGate[1] += y.derivative;
        ofGate[2] += y.derivative * centered;
        store(task.output + at, y.value * gate);
      }
      MBCONV_UNROLL for (int i = 0; i < 2; ++i) addProductTo(task.normSums + i * kLanes, gate, ofNorm[i]);
      if (task.gateSums == nullptr) return;
      MBCONV_UNROLL for (int i = 0; i < 3; ++i) addTo(task.gateSums + i * kLanes, ofGate[i]);
    });
  });
}

void gateGradient(const GateGradient& task) {
  const Vec scale = load(task.activated.scale);
  const Vec shift = load(task.activated.shift);
  const Vec gate = load(task.gate);
  const Vec offset = load(task.offset);
  const Vec a = load(task.norm.a);
  const Vec b = load(task.norm.b);
  const Vec mean = load(task.norm.mean);
  const Vec c = load(task.norm.c);
  chooseLayer(task.activated.activation, [&]<Activation kind>(Chosen<kind>) __attribute__((always_inline)) {
    ptrdiff_t at = 0;
    for (int y = 0; y < task.rows; ++y) {
      float* output = task.output + y * task.outputRow;
      for (int x = 0; x < task.pixels; ++x, at += kLanes, output += kLanes) {
        const Vec value = load(task.input + at);
        const Vec through = (load(task.gradient + at) * gate + offset) * derive<kind>(value * scale + shift).derivative;
        store(output, (through - ((value - mean) * b + c)) * a);
      }
    }
  });
}

}  // namespace
}  // namespace mbconv::kernels
