// Random numbers: seeds, the generators' state, and the distributions that fill tensors.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/ops/_standard_gamma.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/multinomial.h>
#include <ATen/ops/normal.h>
#include <ATen/ops/poisson.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Shape = std::vector<int64_t>;

at::TensorOptions options(at::ScalarType dtype, at::Device device) { return at::TensorOptions(dtype).device(device); }

at::Tensor rand(Env& env, Shape shape, at::ScalarType dtype, at::Device device, bool requiresGrad) {
  return at::rand(shape, env.generatorFor(device), options(dtype, device)).requires_grad_(requiresGrad);
}

at::Tensor randn(Env& env, Shape shape, at::ScalarType dtype, at::Device device, bool requiresGrad) {
  return at::randn(shape, env.generatorFor(device), options(dtype, device)).requires_grad_(requiresGrad);
}

at::Tensor randint(Env& env, int64_t low, int64_t high, Shape shape, at::ScalarType dtype, at::Device device) {
  return at::randint(low, high, shape, env.generatorFor(device), options(dtype, device));
}

at::Tensor randperm(Env& env, int64_t n, at::ScalarType dtype, at::Device device) {
  return at::randperm(n, env.generatorFor(device), options(dtype, device));
}

at::Tensor bernoulli(Env& env, const at::Tensor& probabilities) {
  return at::bernoulli(probabilities, env.generatorFor(probabilities.device()));
}

void uniform_(Env& env, at::Tensor tensor, double low, double high) {
  tensor.uniform_(low, high, env.generatorFor(tensor.device()));
}

void normal_(Env& env, at::Tensor tensor, double mean, double std) {
  tensor.normal_(mean, std, env.generatorFor(tensor.device()));
}

// --- distributions beyond the uniform and the normal one -------------------------------------------------------------

void exponential_(Env& env, at::Tensor tensor, double rate) {
  tensor.exponential_(rate, env.generatorFor(tensor.device()));
}
void geometric_(Env& env, at::Tensor tensor, double p) { tensor.geometric_(p, env.generatorFor(tensor.device())); }
void cauchy_(Env& env, at::Tensor tensor, double median, double sigma) {
  tensor.cauchy_(median, sigma, env.generatorFor(tensor.device()));
}
void logNormal_(Env& env, at::Tensor tensor, double mean, double std) {
  tensor.log_normal_(mean, std, env.generatorFor(tensor.device()));
}
void random_(Env& env, at::Tensor tensor, std::optional<int64_t> low, std::optional<int64_t> high) {
  const auto generator = env.generatorFor(tensor.device());
  if (high)
    tensor.random_(low.value_or(0), high, generator);
  else
    tensor.random_(generator);
}
void bernoulli_(Env& env, at::Tensor tensor, Operand p) {
  const auto generator = env.generatorFor(tensor.device());
  if (p.value.unsafeGetTensorImpl()->is_wrapped_number())
    tensor.bernoulli_(p.value.item().toDouble(), generator);
  else
    tensor.bernoulli_(p.value, generator);
}
at::Tensor multinomial(Env& env, const at::Tensor& weights, int64_t samples, bool replacement) {
  return at::multinomial(weights, samples, replacement, env.generatorFor(weights.device()));
}
at::Tensor poisson(Env& env, const at::Tensor& rate) { return at::poisson(rate, env.generatorFor(rate.device())); }
at::Tensor standardGamma(Env& env, const at::Tensor& concentration) {
  return at::_standard_gamma(concentration, env.generatorFor(concentration.device()));
}
at::Tensor normal(Env& env, Operand mean, Operand std) {
  const bool means = !mean.value.unsafeGetTensorImpl()->is_wrapped_number();
  const bool stds = !std.value.unsafeGetTensorImpl()->is_wrapped_number();
  const auto generator = env.generatorFor((means ? mean : std).value.device());
  if (means && stds) return at::normal(mean.value, std.value, generator);
  if (means) return at::normal(mean.value, std.value.item().toDouble(), generator);
  if (stds) return at::normal(mean.value.item().toDouble(), std.value, generator);
  throw Error("ERR_TYPE", "mean or std must be a Tensor; randn() makes numbers of one mean and deviation");
}

// --- the generators' state -------------------------------------------------------------------------------------------

// Seeds this environment's generator alone.
void seedGenerator(Env& env, int64_t seed) {
  std::lock_guard lock(env.generator.mutex());
  env.generator.set_current_seed(static_cast<uint64_t>(seed));
}

// Seeds this environment's generator, every CUDA device's, and libtorch's default one, which callOp draws from.
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
  bind<&seedGenerator>(exports, "seedGenerator", {"seed"});
  bind<&manualSeed>(exports, "manualSeed", {"seed"});
  bind<&getRandomState>(exports, "getRandomState", {"device"});
  bind<&setRandomState>(exports, "setRandomState", {"state", "device"});
}

}  // namespace mbconv
