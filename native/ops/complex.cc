// Complex tensors: made of real ones, and taken apart.
#include <ATen/Functions.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

template <Tensor (*Fn)(const Tensor&)>
Tensor unary(const Tensor& input) {
  return Fn(input);
}
template <Tensor (*Fn)(const Tensor&, const Tensor&)>
Tensor pair(const Tensor& first, const Tensor& second) {
  return Fn(first, second);
}

}  // namespace

void initComplex(const Exports& exports) {
  bind<&pair<&at::complex>>(exports, "complex", {"real", "imag"});
  bind<&pair<&at::polar>>(exports, "polar", {"abs", "angle"});
  bind<&unary<&at::view_as_real>>(exports, "viewAsReal", {"input"});
  bind<&unary<&at::view_as_complex>>(exports, "viewAsComplex", {"input"});
  bind<&unary<&at::real>>(exports, "real", {"input"});
  bind<&unary<&at::imag>>(exports, "imag", {"input"});
  bind<&unary<&at::conj>>(exports, "conj", {"input"});
  bind<&unary<&at::resolve_conj>>(exports, "resolveConj", {"input"});
  bind<&unary<&at::angle>>(exports, "angle", {"input"});
  bind<&unary<&at::sgn>>(exports, "sgn", {"input"});
  bind<&unary<&at::isreal>>(exports, "isreal", {"input"});
}

}  // namespace mbconv
