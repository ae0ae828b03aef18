// Dropout of elements and of channels, and drop path (stochastic depth).
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

#include "binding/bind.h"

namespace mbconv {

namespace {

void checkProbability(double p) {
  if (!(p >= 0 && p <= 1)) throw Error("ERR_VALUE", "p must lie in [0, 1]");
}

// Keeps each element with probability 1 − p and divides it by that. Draws the same numbers as
// torch.nn.functional.dropout.
at::Tensor dropout(Env& env, const at::Tensor& input, double p, bool training) {
  checkProbability(p);
  if (!training || p == 0 || input.numel() == 0) return input;
  if (p == 1) return input.mul(0);
  at::Tensor mask = at::empty_like(input).bernoulli_(1 - p, env.generatorFor(input.device()));
  return input.mul(mask.div_(1 - p));
}

// Drops whole channels of [N, C, …]. Draws the same numbers as torch.nn.functional.dropout2d and its variants.
at::Tensor featureDropout(Env& env, const at::Tensor& input, double p, bool training) {
  checkProbability(p);
  if (input.dim() < 2) throw Error("ERR_SHAPE", "input needs at least two dimensions, [N, C, …]");
  if (!training || p == 0 || input.numel() == 0) return input;
  if (p == 1) return input.mul(0);
  std::vector<int64_t> shape(input.dim(), 1);
  shape[0] = input.size(0);
  shape[1] = input.size(1);
  at::Tensor mask = at::empty(shape, input.options()).bernoulli_(1 - p, env.generatorFor(input.device()));
  return input.mul(mask.div_(1 - p));
}

// Dropout that keeps mean and variance of SELU's outputs: dropped elements become SELU's lower limit −λα, then an
// affine map restores both. Source: Klambauer et al. 2017, "Self-Normalizing Neural Networks", section 3.
at::Tensor alphaDropout(Env& env, const at::Tensor& input, double p, bool training) {
  constexpr double kLimit = 1.7580993408473766;  // λα
  checkProbability(p);
  if (!training || p == 0 || input.numel() == 0) return input;
  if (p == 1) return input.mul(0);
  const double a = 1 / std::sqrt((kLimit * kLimit * p + 1) * (1 - p));
  at::Tensor kept = at::empty_like(input).bernoulli_(1 - p, env.generatorFor(input.device()));
  at::Tensor shift = kept.sub(1).mul_(kLimit * a).add_(kLimit * a * p);
  return input.mul(kept.mul_(a)).add(shift);
}

// Drop path of one residual branch [N, …]: each sample gets either nothing or branch / (1 − p).
// Source: the EfficientNet reference code draws floor(keep + U) per sample and divides by keep.
at::Tensor dropPath(Env& env, const at::Tensor& branch, double p, bool training) {
  if (!(p >= 0 && p < 1)) throw Error("ERR_VALUE", "p must lie in [0, 1)");
  if (branch.dim() == 0) throw Error("ERR_SHAPE", "input needs a batch dimension");
  if (!training || p == 0) return branch;
  std::vector<int64_t> shape(branch.dim(), 1);
  shape[0] = branch.size(0);
  at::Tensor mask = at::empty(shape, branch.options()).bernoulli_(1 - p, env.generatorFor(branch.device()));
  return branch.mul(mask.div_(1 - p));
}

}  // namespace

void initDropout(const Exports& exports) {
  bind<&featureDropout>(exports, "featureDropout", {"input", "p", "training"});
  bind<&alphaDropout>(exports, "alphaDropout", {"input", "p", "training"});
  bind<&dropout>(exports, "dropout", {"input", "p", "training"});
  bind<&dropPath>(exports, "dropPath", {"input", "p", "training"});
}

}  // namespace mbconv
