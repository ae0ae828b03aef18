// Optimiser steps over lists of parameters.
//
// On the CPU each parameter is updated in one pass over its memory. A step is bound by memory traffic, and the same
// arithmetic as separate list-wise operations reads and writes everything about five times. Other devices, dtypes and
// layouts use libtorch's foreach kernels. Parameters without a gradient stay unchanged.
//
// Numbers that change from step to step (learning rate, count of steps) may be tensors of one element: a captured CUDA
// graph reads a tensor again at every replay, but would keep a number fixed. With tensors nothing here waits for the
// device.
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Tensors = std::vector<Tensor>;

// A number, or a tensor of one element that holds it.
struct Rate {
  double number;
  Tensor tensor;

  // Whether the foreach kernels have to read the value from the tensor.
  bool onDevice() const { return tensor.defined(); }
  // For the loops on the CPU.
  double value() const { return onDevice() ? tensor.item<double>() : number; }
};

}  // namespace

template <>
struct Arg<Rate> {
  static Rate from(const Site& site, Napi::Value value) {
    if (site.op.env->unwrap(value) == nullptr) return {Arg<double>::from(site, value), {}};
    Tensor tensor = Arg<Tensor>::from(site, value);
    if (tensor.dim() != 0 || !tensor.is_floating_point())
      throw Error("ERR_SHAPE", std::string(site.op.arguments[site.index]) +
                                   " must be a number or a floating-point tensor without dimensions, got " +
                                   describe(tensor));
    return {0, std::move(tensor)};
  }
};

namespace {

// For a foreach kernel, whose scalars must have the dtype and device of its list.
Tensor as(const Tensor& scalar, const Tensors& list) { return scalar.to(list[0].options()); }

// Least number of elements for one thread: about 128 KiB of float32.
constexpr int64_t kGrain = 32768;

// One parameter with its gradient and state tensors.
template <size_t States>
struct Slot {
  Tensor parameter;
  Tensor gradient;
  std::array<Tensor, States> state;
};

// Pairs up the lists and leaves out parameters without a gradient.
template <size_t States>
std::vector<Slot<States>> slots(const Tensors& parameters, const std::array<const Tensors*, States>& states) {
  for (const Tensors* list : states) {
    if (list->size() != parameters.size())
      throw Error("ERR_SHAPE", "the lists must be equally long: " + std::to_string(parameters.size()) +
                                   " parameters, " + std::to_string(list->size()) + " state tensors");
  }
  std::vector<Slot<States>> result;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i];
    const Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    Slot<States> slot{parameter, gradient, {}};
    for (size_t j = 0; j < States; ++j) {
      slot.state[j] = (*states[j])[i];
      if (!slot.state[j].sizes().equals(parameter.sizes()))
        throw Error("ERR_SHAPE", "state " + describe(slot.state[j]) + " does not fit parameter " + describe(parameter));
    }
    result.push_back(std::move(slot));
  }
  return result;
}

// Whether the numbers of two tensors of the same sizes lie in the same order. Strides of dimensions of size 1 do not
// matter: those of a pointwise convolution's weights differ between memory formats.
bool sameOrder(const Tensor& a, const Tensor& b) {
  if (a.dim() != b.dim()) return false;
  for (int64_t i = 0; i < a.dim(); ++i) {
    if (a.size(i) != b.size(i) || (a.size(i) != 1 && a.stride(i) != b.stride(i))) return false;
  }
  return true;
}

// Whether the tensors are float32 in host memory and can be walked as flat arrays in the same order.
bool flat(const Tensor& first) {
  return first.is_cpu() && first.scalar_type() == at::kFloat && first.is_non_overlapping_and_dense();
}
template <class... Rest>
bool flat(const Tensor& first, const Tensor& second, const Rest&... rest) {
  return second.is_cpu() && second.scalar_type() == at::kFloat && sameOrder(second, first) && flat(first, rest...);
}

// Autograd must be informed of a write through a raw pointer.
void written(const Tensor& tensor) { tensor.unsafeGetTensorImpl()->bump_version(); }

float* data(const Tensor& tensor) { return tensor.data_ptr<float>(); }

// Lists for the foreach kernels.
template <size_t States>
struct Lists {
  Tensors parameters;
  Tensors gradients;
  std::array<Tensors, States> state;
  void push(const Slot<States>& slot) {
    parameters.push_back(slot.parameter);
    gradients.push_back(slot.gradient);
    for (size_t j = 0; j < States; ++j) state[j].push_back(slot.state[j]);
  }
};

// RMSProp as TensorFlow computes it: ε inside the root, the learning rate inside the momentum buffer. The caller starts
// the square average at 1. Source: tensorflow/tpu, models/official/efficientnet/utils.py (build_optimizer), and
// TensorFlow's kernel, ApplyRMSProp in core/kernels/training_ops.cc.
//   s ← αs + (1−α)g²;  m ← μm + lr·g/√(s+ε);  p ← p − m,   with g the gradient + weightDecay·p
void rmspropTfStep(Tensors parameters, Tensors squareAverages, Tensors momentumBuffers, Rate lr, double alpha,
                   double momentum, double eps, double weightDecay) {
  at::NoGradGuard noGrad;
  Lists<2> rest;
  for (const auto& slot : slots<2>(parameters, {&squareAverages, &momentumBuffers})) {
    const auto& [parameter, gradient, state] = slot;
    if (!flat(parameter, gradient, state[0], state[1])) {
      rest.push(slot);
      continue;
    }
    float* p = data(parameter);
    const float* g = data(gradient);
    float* s = data(state[0]);
    float* m = data(state[1]);
    const float lrF = lr.value(), keep = 1 - alpha, mu = momentum, epsF = eps, decay = weightDecay;
    at::parallel_for(0, parameter.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float gradientI = g[i] + decay * p[i];
        s[i] += keep * (gradientI * gradientI - s[i]);
        m[i] = mu * m[i] + lrF * gradientI / std::sqrt(s[i] + epsF);
        p[i] -= m[i];
      }
    });
    for (const Tensor& tensor : {parameter, state[0], state[1]}) written(tensor);
  }
  if (rest.parameters.empty()) return;
  if (weightDecay != 0) rest.gradients = at::_foreach_add(rest.gradients, rest.parameters, weightDecay);
  at::_foreach_mul_(rest.state[0], alpha);
  at::_foreach_addcmul_(rest.state[0], rest.gradients, rest.gradients, 1 - alpha);
  Tensors roots = at::_foreach_add(rest.state[0], eps);
  at::_foreach_sqrt_(roots);
  at::_foreach_mul_(rest.state[1], momentum);
  if (lr.onDevice()) {
    Tensors steps = at::_foreach_div(rest.gradients, roots);
    at::_foreach_mul_(steps, as(lr.tensor, steps));
    at::_foreach_add_(rest.state[1], steps);
  } else {
    at::_foreach_addcdiv_(rest.state[1], rest.gradients, roots, lr.number);
  }
  at::_foreach_sub_(rest.parameters, rest.state[1]);
}

// parameters −= lr · direction
void descend(Tensors& parameters, const Tensors& direction, const Rate& lr) {
  if (lr.onDevice()) {
    at::_foreach_sub_(parameters, at::_foreach_mul(direction, as(lr.tensor, direction)));
  } else {
    at::_foreach_add_(parameters, direction, -lr.number);
  }
}

// SGD with momentum. The caller starts the buffer at 0. Without momentum the list of buffers is empty.
//   b ← μb + g;  p ← p − lr·(nesterov ? g + μb : b),   with g the gradient + weightDecay·p
void sgdStep(Tensors parameters, Tensors momentumBuffers, Rate lr, double momentum, bool nesterov, double weightDecay) {
  at::NoGradGuard noGrad;
  if (momentum == 0) {
    Lists<0> all;
    for (const auto& slot : slots<0>(parameters, {})) all.push(slot);
    if (all.parameters.empty()) return;
    if (weightDecay != 0) all.gradients = at::_foreach_add(all.gradients, all.parameters, weightDecay);
    descend(all.parameters, all.gradients, lr);
    return;
  }
  Lists<1> rest;
  for (const auto& slot : slots<1>(parameters, {&momentumBuffers})) {
    const auto& [parameter, gradient, state] = slot;
    if (!flat(parameter, gradient, state[0])) {
      rest.push(slot);
      continue;
    }
    float* p = data(parameter);
    const float* g = data(gradient);
    float* b = data(state[0]);
    const float lrF = lr.value(), mu = momentum, decay = weightDecay;
    at::parallel_for(0, parameter.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float gradientI = g[i] + decay * p[i];
        b[i] = mu * b[i] + gradientI;
        p[i] -= lrF * (nesterov ? gradientI + mu * b[i] : b[i]);
      }
    });
    for (const Tensor& tensor : {parameter, state[0]}) written(tensor);
  }
  if (rest.parameters.empty()) return;
  if (weightDecay != 0) rest.gradients = at::_foreach_add(rest.gradients, rest.parameters, weightDecay);
  at::_foreach_mul_(rest.state[0], momentum);
  at::_foreach_add_(rest.state[0], rest.gradients);
  if (nesterov) {
    descend(rest.parameters, at::_foreach_add(rest.gradients, rest.state[0], momentum), lr);
  } else {
    descend(rest.parameters, rest.state[0], lr);
  }
}

// AdamW: weight decay is separate from the gradient. `step` counts from 1. Source: arXiv:1711.05101, algorithm 2.
void adamwStep(Tensors parameters, Tensors averages, Tensors squareAverages, Rate step, Rate lr, double beta1,
               double beta2, double eps, double weightDecay) {
  if (!step.onDevice() && !(step.number >= 1))
    throw Error("ERR_VALUE", "step counts from 1, got " + std::to_string(step.number));
  if (step.onDevice() != lr.onDevice()) throw Error("ERR_TYPE", "step and lr must both be numbers or both be tensors");
  at::NoGradGuard noGrad;
  Lists<2> rest;
  for (const auto& slot : slots<2>(parameters, {&averages, &squareAverages})) {
    const auto& [parameter, gradient, state] = slot;
    if (!flat(parameter, gradient, state[0], state[1])) {
      rest.push(slot);
      continue;
    }
    float* p = data(parameter);
    const float* g = data(gradient);
    float* m = data(state[0]);
    float* v = data(state[1]);
    const float shrink = 1 - lr.value() * weightDecay, keep1 = 1 - beta1, b2 = beta2, keep2 = 1 - beta2;
    const float size = lr.value() / (1 - std::pow(beta1, step.value()));
    const float root = 1 / std::sqrt(1 - std::pow(beta2, step.value())), epsF = eps;
    at::parallel_for(0, parameter.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        m[i] += keep1 * (g[i] - m[i]);
        v[i] = b2 * v[i] + keep2 * g[i] * g[i];
        p[i] = shrink * p[i] - size * m[i] / (std::sqrt(v[i]) * root + epsF);
      }
    });
    for (const Tensor& tensor : {parameter, state[0], state[1]}) written(tensor);
  }
  if (rest.parameters.empty()) return;
  at::_foreach_lerp_(rest.state[0], rest.gradients, 1 - beta1);
  at::_foreach_mul_(rest.state[1], beta2);
  at::_foreach_addcmul_(rest.state[1], rest.gradients, rest.gradients, 1 - beta2);
  Tensors roots = at::_foreach_sqrt(rest.state[1]);
  if (lr.onDevice()) {
    // In float64: the corrections are differences of nearly equal numbers in the first steps.
    const Tensor rate = lr.tensor.to(at::kDouble), count = step.tensor.to(at::kDouble);
    const Tensor correction1 = at::rsub(at::pow(beta1, count), 1);
    const Tensor correction2 = at::rsub(at::pow(beta2, count), 1).sqrt_();
    at::_foreach_div_(roots, as(correction2, roots));
    at::_foreach_add_(roots, eps);
    at::_foreach_mul_(rest.parameters, as(at::rsub(rate * weightDecay, 1), rest.parameters));
    Tensors steps = at::_foreach_div(rest.state[0], roots);
    at::_foreach_mul_(steps, as(rate / correction1, steps));
    at::_foreach_sub_(rest.parameters, steps);
    return;
  }
  at::_foreach_div_(roots, std::sqrt(1 - std::pow(beta2, step.number)));
  at::_foreach_add_(roots, eps);
  at::_foreach_mul_(rest.parameters, 1 - lr.number * weightDecay);
  at::_foreach_addcdiv_(rest.parameters, rest.state[0], roots, -lr.number / (1 - std::pow(beta1, step.number)));
}

// Moving averages: average ← decay·average + (1−decay)·source for floats; counters are copied.
void emaUpdate(Tensors averages, Tensors sources, Rate decay) {
  if (averages.size() != sources.size()) throw Error("ERR_SHAPE", "the lists must be equally long");
  at::NoGradGuard noGrad;
  // A GPU has no loop that needs the value, and reading it would wait for the device.
  const float keep = decay.onDevice() && !decay.tensor.is_cpu() ? 0 : 1 - decay.value();
  Tensors restAverages, restSources;
  for (size_t i = 0; i < averages.size(); ++i) {
    const Tensor& average = averages[i];
    const Tensor& source = sources[i];
    if (!average.sizes().equals(source.sizes()))
      throw Error("ERR_SHAPE", "average " + describe(average) + " does not fit source " + describe(source));
    if (!average.is_floating_point()) {
      average.copy_(source);
    } else if (flat(average, source)) {
      float* a = data(average);
      const float* s = data(source);
      at::parallel_for(0, average.numel(), kGrain, [=](int64_t begin, int64_t end) {
        for (int64_t j = begin; j < end; ++j) a[j] += keep * (s[j] - a[j]);
      });
      written(average);
    } else {
      restAverages.push_back(average);
      restSources.push_back(source);
    }
  }
  if (restAverages.empty()) return;
  if (decay.onDevice()) {
    // average += (1 − decay)(source − average). A list-wise lerp with a tensor as its weight is not available
    // everywhere.
    Tensors differences = at::_foreach_sub(restSources, restAverages);
    at::_foreach_mul_(differences, as(at::rsub(decay.tensor, 1), differences));
    at::_foreach_add_(restAverages, differences);
  } else {
    at::_foreach_lerp_(restAverages, restSources, 1 - decay.number);
  }
}

// Scales all gradients so that their common norm is at most maxNorm. Returns the norm before scaling, on the gradients'
// device. Does not wait for the device, unless `finite` asks for an error where the norm is not finite.
Tensor clipGradNorm(Tensors parameters, double maxNorm, double normType, bool finite) {
  if (!(maxNorm > 0)) throw Error("ERR_VALUE", "maxNorm must be positive");
  if (!(normType > 0)) throw Error("ERR_VALUE", "normType must be positive");
  at::NoGradGuard noGrad;
  Tensors gradients;
  for (const Tensor& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return at::zeros({}, at::kDouble);
  Tensors norms = at::_foreach_norm(gradients, normType);
  for (Tensor& norm : norms) norm = norm.to(gradients[0].device(), at::kDouble);
  const Tensor norm = at::linalg_vector_norm(at::stack(norms), normType);
  if (finite && !std::isfinite(norm.item<double>()))
    throw Error("ERR_VALUE", "the gradients' norm is not finite: " + std::to_string(norm.item<double>()));
  if (std::isinf(maxNorm)) return norm;
  // The same guard against division by zero as torch.nn.utils.clip_grad_norm_.
  const Tensor scale = at::clamp_max(maxNorm / (norm + 1e-6), 1);
  if (scale.is_cpu() && scale.item<double>() == 1) return norm;
  at::_foreach_mul_(gradients, as(scale, gradients));
  return norm;
}

void zeroGrad(Tensors parameters) {
  for (const Tensor& parameter : parameters) parameter.mutable_grad().reset();
}

}  // namespace

void initOptim(const Exports& exports) {
  bind<&rmspropTfStep>(
      exports, "rmspropTfStep",
      {"parameters", "squareAverages", "momentumBuffers", "lr", "alpha", "momentum", "eps", "weightDecay"});
  bind<&sgdStep>(exports, "sgdStep", {"parameters", "momentumBuffers", "lr", "momentum", "nesterov", "weightDecay"});
  bind<&adamwStep>(exports, "adamwStep",
                   {"parameters", "averages", "squareAverages", "step", "lr", "beta1", "beta2", "eps", "weightDecay"});
  bind<&emaUpdate>(exports, "emaUpdate", {"averages", "sources", "decay"});
  bind<&clipGradNorm>(exports, "clipGradNorm", {"parameters", "maxNorm", "normType", "errorIfNonfinite"});
  bind<&zeroGrad>(exports, "zeroGrad", {"parameters"});
}

}  // namespace mbconv
