// Random numbers: seeds, the generators' state, and the distributions that fill tensors.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/_standard_gamma.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/normal.h>
#include <ATen/ops/poisson.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>

#include <cmath>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Shape = std::vector<int64_t>;

at::TensorOptions options(at::ScalarType dtype, at::Device device) { return at::TensorOptions(dtype).device(device); }

// The environment's generator serves the CPU; CUDA devices have their own.
std::optional<at::Generator> generatorFor(Env& env, at::Device device) {
  return device.is_cpu() ? std::optional(env.generator) : std::nullopt;
}

at::Tensor rand(Env& env, Shape shape, at::ScalarType dtype, at::Device device, bool requiresGrad) {
  return at::rand(shape, generatorFor(env, device), options(dtype, device)).requires_grad_(requiresGrad);
}

at::Tensor randn(Env& env, Shape shape, at::ScalarType dtype, at::Device device, bool requiresGrad) {
  return at::randn(shape, generatorFor(env, device), options(dtype, device)).requires_grad_(requiresGrad);
}

at::Tensor randint(Env& env, int64_t low, int64_t high, Shape shape, at::ScalarType dtype, at::Device device) {
  return at::randint(low, high, shape, generatorFor(env, device), options(dtype, device));
}

at::Tensor randperm(Env& env, int64_t n, at::ScalarType dtype, at::Device device) {
  return at::randperm(n, generatorFor(env, device), options(dtype, device));
}

at::Tensor bernoulli(Env& env, const at::Tensor& probabilities) {
  return at::bernoulli(probabilities, generatorFor(env, probabilities.device()));
}

void uniform_(Env& env, at::Tensor tensor, double low, double high) {
  tensor.uniform_(low, high, generatorFor(env, tensor.device()));
}

void normal_(Env& env, at::Tensor tensor, double mean, double std) {
  tensor.normal_(mean, std, generatorFor(env, tensor.device()));
}

// --- distributions beyond the uniform and the normal one -------------------------------------------------------------

void exponential_(Env& env, at::Tensor tensor, double rate) {
  tensor.exponential_(rate, generatorFor(env, tensor.device()));
}
void geometric_(Env& env, at::Tensor tensor, double p) { tensor.geometric_(p, generatorFor(env, tensor.device())); }
void cauchy_(Env& env, at::Tensor tensor, double median, double sigma) {
  tensor.cauchy_(median, sigma, generatorFor(env, tensor.device()));
}
void logNormal_(Env& env, at::Tensor tensor, double mean, double std) {
  tensor.log_normal_(mean, std, generatorFor(env, tensor.device()));
}
void random_(Env& env, at::Tensor tensor, std::optional<int64_t> low, std::optional<int64_t> high) {
  const auto generator = generatorFor(env, tensor.device());
  if (high)
    tensor.random_(low.value_or(0), high, generator);
  else
    tensor.random_(generator);
}
void bernoulli_(Env& env, at::Tensor tensor, Operand p) {
  const auto generator = generatorFor(env, tensor.device());
  if (p.value.unsafeGetTensorImpl()->is_wrapped_number())
    tensor.bernoulli_(p.value.item().toDouble(), generator);
  else
    tensor.bernoulli_(p.value, generator);
}
at::Tensor multinomial(Env& env, const at::Tensor& weights, int64_t samples, bool replacement) {
  return at::multinomial(weights, samples, replacement, generatorFor(env, weights.device()));
}
at::Tensor poisson(Env& env, const at::Tensor& rate) { return at::poisson(rate, generatorFor(env, rate.device())); }
at::Tensor standardGamma(Env& env, const at::Tensor& concentration) {
  return at::_standard_gamma(concentration, generatorFor(env, concentration.device()));
}
at::Tensor normal(Env& env, Operand mean, Operand std) {
  const bool means = !mean.value.unsafeGetTensorImpl()->is_wrapped_number();
  const bool stds = !std.value.unsafeGetTensorImpl()->is_wrapped_number();
  const auto generator = generatorFor(env, (means ? mean : std).value.device());
  if (means && stds) return at::normal(mean.value, std.value, generator);
  if (means) return at::normal(mean.value, std.value.item().toDouble(), generator);
  if (stds) return at::normal(mean.value.item().toDouble(), std.value, generator);
  throw Error("ERR_TYPE", "mean or std must be a Tensor; randn() makes numbers of one mean and deviation");
}

// --- dropout ---------------------------------------------------------------------------------------------------------

void checkProbability(double p) {
  if (!(p >= 0 && p <= 1)) throw Error("ERR_VALUE", "p must lie in [0, 1]");
}

// Each element is kept with probability 1 − p and then divided by it; the same draws as torch.nn.functional.dropout.
at::Tensor dropout(Env& env, const at::Tensor& input, double p, bool training) {
  checkProbability(p);
  if (!training || p == 0 || input.numel() == 0) return input;
  if (p == 1) return input.mul(0);
  at::Tensor mask = at::empty_like(input).bernoulli_(1 - p, generatorFor(env, input.device()));
  return input.mul(mask.div_(1 - p));
}

// Whole channels [N, C, …] at once; the same draws as torch.nn.functional.dropout2d and its kin.
at::Tensor featureDropout(Env& env, const at::Tensor& input, double p, bool training) {
  checkProbability(p);
  if (input.dim() < 2) throw Error("ERR_SHAPE", "input needs at least two dimensions, [N, C, …]");
  if (!training || p == 0 || input.numel() == 0) return input;
  if (p == 1) return input.mul(0);
  std::vector<int64_t> shape(input.dim(), 1);
  shape[0] = input.size(0);
  shape[1] = input.size(1);
  at::Tensor mask = at::empty(shape, input.options()).bernoulli_(1 - p, generatorFor(env, input.device()));
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
  at::Tensor kept = at::empty_like(input).bernoulli_(1 - p, generatorFor(env, input.device()));
  at::Tensor shift = kept.sub(1).mul_(kLimit * a).add_(kLimit * a * p);
  return input.mul(kept.mul_(a)).add(shift);
}

// Drop path of one residual branch [N, …]: per sample either nothing or branch / (1 − p).
// Source: the EfficientNet reference code draws floor(keep + U) per sample and divides by keep.
at::Tensor dropPath(Env& env, const at::Tensor& branch, double p, bool training) {
  if (!(p >= 0 && p < 1)) throw Error("ERR_VALUE", "p must lie in [0, 1)");
  if (branch.dim() == 0) throw Error("ERR_SHAPE", "input needs a batch dimension");
  if (!training || p == 0) return branch;
  std::vector<int64_t> shape(branch.dim(), 1);
  shape[0] = branch.size(0);
  at::Tensor mask = at::empty(shape, branch.options()).bernoulli_(1 - p, generatorFor(env, branch.device()));
  return branch.mul(mask.div_(1 - p));
}

// Seeds this environment's generator alone.
void seedGenerator(Env& env, int64_t seed) {
  std::lock_guard lock(env.generator.mutex());
  env.generator.set_current_seed(static_cast<uint64_t>(seed));
}

// Seeds this environment's generator and every CUDA device's, and libtorch's default one, which callOp draws from.
void manualSeed(Env& env, int64_t seed) {
  seedGenerator(env, seed);
  at::manual_seed(static_cast<uint64_t>(seed));
}

at::Generator stateOwner(Env& env, at::Device device) {
  return device.is_cpu() ? env.generator : at::globalContext().defaultGenerator(device);
}

at::Tensor getRandomState(Env& env, at::Device device) {
  at::Generator generator = stateOwner(env, device);
  std::lock_guard lock(generator.mutex());
  return generator.get_state();
}

void setRandomState(Env& env, at::Tensor state, at::Device device) {
  if (state.scalar_type() != at::kByte || state.dim() != 1)
    throw Error("ERR_TYPE", "a random state is a one-dimensional uint8 tensor, got " + describe(state));
  at::Generator generator = stateOwner(env, device);
  std::lock_guard lock(generator.mutex());
  generator.set_state(state.cpu().contiguous());
}

}  // namespace

void initRandom(const Exports& exports) {
  bind<&rand>(exports, "rand", {"shape", "dtype", "device", "requiresGrad"});
  bind<&randn>(exports, "randn", {"shape", "dtype", "device", "requiresGrad"});
  bind<&randint>(exports, "randint", {"low", "high", "shape", "dtype", "device"});
  bind<&randperm>(exports, "randperm", {"n", "dtype", "device"});
  bind<&bernoulli>(exports, "bernoulli", {"probabilities"});
  bind<&uniform_>(exports, "uniform_", {"tensor", "low", "high"});
  bind<&normal_>(exports, "normal_", {"tensor", "mean", "std"});
  bind<&exponential_>(exports, "exponential_", {"tensor", "rate"});
  bind<&geometric_>(exports, "geometric_", {"tensor", "p"});
  bind<&cauchy_>(exports, "cauchy_", {"tensor", "median", "sigma"});
  bind<&logNormal_>(exports, "logNormal_", {"tensor", "mean", "std"});
  bind<&random_>(exports, "random_", {"tensor", "low", "high"});
  bind<&bernoulli_>(exports, "bernoulli_", {"tensor", "p"});
  bind<&multinomial>(exports, "multinomial", {"weights", "samples", "replacement"});
  bind<&poisson>(exports, "poisson", {"rate"});
  bind<&standardGamma>(exports, "standardGamma", {"concentration"});
  bind<&normal>(exports, "normal", {"mean", "std"});
  bind<&featureDropout>(exports, "featureDropout", {"input", "p", "training"});
  bind<&alphaDropout>(exports, "alphaDropout", {"input", "p", "training"});
  bind<&dropout>(exports, "dropout", {"input", "p", "training"});
  bind<&dropPath>(exports, "dropPath", {"input", "p", "training"});
  bind<&seedGenerator>(exports, "seedGenerator", {"seed"});
  bind<&manualSeed>(exports, "manualSeed", {"seed"});
  bind<&getRandomState>(exports, "getRandomState", {"device"});
  bind<&setRandomState>(exports, "setRandomState", {"state", "device"});
}

}  // namespace mbconv
