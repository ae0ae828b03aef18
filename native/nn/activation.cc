// Activations.
#include <ATen/Functions.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

template <Tensor (*Fn)(const Tensor&)>
Tensor unary(const Tensor& input) {
  return Fn(input);
}
template <Tensor& (*Fn)(Tensor&)>
void unary_(Tensor input) {
  Fn(input);
}

Tensor gelu(const Tensor& x, std::string approximate) { return at::gelu(x, approximate); }
Tensor leakyRelu(const Tensor& x, double slope) { return at::leaky_relu(x, slope); }
Tensor elu(const Tensor& x, double alpha) { return at::elu(x, alpha); }
Tensor celu(const Tensor& x, double alpha) { return at::celu(x, alpha); }
Tensor prelu(const Tensor& x, const Tensor& weight) { return at::prelu(x, weight); }
Tensor softplus(const Tensor& x, double beta, double threshold) { return at::softplus(x, beta, threshold); }
Tensor glu(const Tensor& x, int64_t dim) { return at::glu(x, dim); }
Tensor hardtanh(const Tensor& x, double min, double max) {
  if (!(min <= max)) throw Error("ERR_VALUE", "min must not exceed max");
  return at::hardtanh(x, min, max);
}
Tensor threshold(const Tensor& x, at::Scalar threshold, at::Scalar value) { return at::threshold(x, threshold, value); }
Tensor hardshrink(const Tensor& x, double lambda) { return at::hardshrink(x, lambda); }
Tensor softshrink(const Tensor& x, double lambda) { return at::softshrink(x, lambda); }

}  // namespace

void initActivation(const Exports& exports) {
  bind<&unary<&at::silu>>(exports, "silu", {"input"});
  bind<&unary<&at::relu>>(exports, "relu", {"input"});
  bind<&unary<&at::relu6>>(exports, "relu6", {"input"});
  bind<&unary<&at::hardswish>>(exports, "hardswish", {"input"});
  bind<&unary<&at::hardsigmoid>>(exports, "hardsigmoid", {"input"});
  bind<&unary<&at::mish>>(exports, "mish", {"input"});
  bind<&unary<&at::selu>>(exports, "selu", {"input"});
  bind<&unary<&at::log_sigmoid>>(exports, "logSigmoid", {"input"});
  bind<&unary_<&at::silu_>>(exports, "silu_", {"input"});
  bind<&unary_<&at::relu_>>(exports, "relu_", {"input"});
  bind<&unary_<&at::relu6_>>(exports, "relu6_", {"input"});
  bind<&unary_<&at::hardswish_>>(exports, "hardswish_", {"input"});
  bind<&unary_<&at::hardsigmoid_>>(exports, "hardsigmoid_", {"input"});
  bind<&gelu>(exports, "gelu", {"input", "approximate"});
  bind<&leakyRelu>(exports, "leakyRelu", {"input", "slope"});
  bind<&elu>(exports, "elu", {"input", "alpha"});
  bind<&celu>(exports, "celu", {"input", "alpha"});
  bind<&prelu>(exports, "prelu", {"input", "weight"});
  bind<&softplus>(exports, "softplus", {"input", "beta", "threshold"});
  bind<&glu>(exports, "glu", {"input", "dim"});
  bind<&hardtanh>(exports, "hardtanh", {"input", "min", "max"});
  bind<&threshold>(exports, "threshold", {"input", "threshold", "value"});
  bind<&hardshrink>(exports, "hardshrink", {"input", "lambda"});
  bind<&softshrink>(exports, "softshrink", {"input", "lambda"});
}

}  // namespace mbconv
