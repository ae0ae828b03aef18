// Operations that write into their first argument.
#include <ATen/Functions.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

template <Tensor& (*Fn)(Tensor&)>
void unary(Tensor input) {
  Fn(input);
}

template <Tensor& (Tensor::*Fn)(const Tensor&) const>
void binary(Tensor input, Operand other) {
  (input.*Fn)(other.value);
}

void add_(Tensor input, Operand other, at::Scalar alpha) { input.add_(other.value, alpha); }
void sub_(Tensor input, Operand other, at::Scalar alpha) { input.sub_(other.value, alpha); }
void div_(Tensor input, Operand other, std::optional<std::string> roundingMode) {
  checkRoundingMode(roundingMode);
  input.div_(other.value, roundingMode);
}
// Passes a number as a scalar: see pow() in elementwise.cc.
void pow_(Tensor input, Operand exponent) {
  if (exponent.value.unsafeGetTensorImpl()->is_wrapped_number())
    input.pow_(exponent.value.item());
  else
    input.pow_(exponent.value);
}
void fill_(Tensor input, at::Scalar value) { input.fill_(value); }
void erfinv_(Tensor input) { input.erfinv_(); }
void sign_(Tensor input) { input.sign_(); }
// See round() in elementwise.cc.
void round_(Tensor input, int64_t decimals) {
  if (decimals == 0)
    input.round_();
  else
    input.round_(decimals);
}
void copy_(Tensor input, const Tensor& source, std::optional<bool> nonBlocking) {
  input.copy_(source, nonBlocking.value_or(false));
}
void lerp_(Tensor input, const Tensor& end, Operand weight) {
  if (weight.value.unsafeGetTensorImpl()->is_wrapped_number())
    input.lerp_(end, weight.value.item());
  else
    input.lerp_(end, weight.value);
}
void clamp_(Tensor input, std::optional<at::Scalar> min, std::optional<at::Scalar> max) { input.clamp_(min, max); }
void addcmul_(Tensor input, const Tensor& left, const Tensor& right, at::Scalar value) {
  input.addcmul_(left, right, value);
}
void addcdiv_(Tensor input, const Tensor& left, const Tensor& right, at::Scalar value) {
  input.addcdiv_(left, right, value);
}
void nanToNum_(Tensor input, std::optional<double> nan, std::optional<double> posinf, std::optional<double> neginf) {
  at::nan_to_num_(input, nan, posinf, neginf);
}
void tril_(Tensor input, int64_t diagonal) { input.tril_(diagonal); }
void triu_(Tensor input, int64_t diagonal) { input.triu_(diagonal); }
void fillDiagonal_(Tensor input, at::Scalar value) { input.fill_diagonal_(value); }

}  // namespace

void initInPlace(const Exports& exports) {
  bind<&unary<&at::neg_>>(exports, "neg_", {"input"});
  bind<&unary<&at::abs_>>(exports, "abs_", {"input"});
  bind<&unary<&at::exp_>>(exports, "exp_", {"input"});
  bind<&unary<&at::log_>>(exports, "log_", {"input"});
  bind<&unary<&at::sqrt_>>(exports, "sqrt_", {"input"});
  bind<&unary<&at::rsqrt_>>(exports, "rsqrt_", {"input"});
  bind<&unary<&at::square_>>(exports, "square_", {"input"});
  bind<&unary<&at::reciprocal_>>(exports, "reciprocal_", {"input"});
  bind<&unary<&at::sigmoid_>>(exports, "sigmoid_", {"input"});
  bind<&unary<&at::tanh_>>(exports, "tanh_", {"input"});
  bind<&unary<&at::sin_>>(exports, "sin_", {"input"});
  bind<&unary<&at::cos_>>(exports, "cos_", {"input"});
  bind<&unary<&at::floor_>>(exports, "floor_", {"input"});
  bind<&unary<&at::ceil_>>(exports, "ceil_", {"input"});
  bind<&unary<&at::trunc_>>(exports, "trunc_", {"input"});
  bind<&unary<&at::zero_>>(exports, "zero_", {"input"});
  bind<&unary<&at::exp2_>>(exports, "exp2_", {"input"});
  bind<&unary<&at::expm1_>>(exports, "expm1_", {"input"});
  bind<&unary<&at::log1p_>>(exports, "log1p_", {"input"});
  bind<&unary<&at::log2_>>(exports, "log2_", {"input"});
  bind<&unary<&at::log10_>>(exports, "log10_", {"input"});
  bind<&unary<&at::tan_>>(exports, "tan_", {"input"});
  bind<&unary<&at::erf_>>(exports, "erf_", {"input"});
  bind<&unary<&at::frac_>>(exports, "frac_", {"input"});
  bind<&sign_>(exports, "sign_", {"input"});
  bind<&erfinv_>(exports, "erfinv_", {"input"});
  bind<&round_>(exports, "round_", {"input", "decimals"});

  bind<&add_>(exports, "add_", {"input", "other", "alpha"});
  bind<&sub_>(exports, "sub_", {"input", "other", "alpha"});
  bind<&binary<&Tensor::mul_>>(exports, "mul_", {"input", "other"});
  bind<&div_>(exports, "div_", {"input", "other", "roundingMode"});
  bind<&pow_>(exports, "pow_", {"input", "exponent"});
  bind<&binary<&Tensor::floor_divide_>>(exports, "floorDivide_", {"input", "other"});
  bind<&binary<&Tensor::remainder_>>(exports, "remainder_", {"input", "other"});
  bind<&binary<&Tensor::fmod_>>(exports, "fmod_", {"input", "other"});
  bind<&binary<&Tensor::atan2_>>(exports, "atan2_", {"input", "other"});
  bind<&binary<&Tensor::hypot_>>(exports, "hypot_", {"input", "other"});
  bind<&binary<&Tensor::clamp_min_>>(exports, "clampMin_", {"input", "min"});
  bind<&binary<&Tensor::clamp_max_>>(exports, "clampMax_", {"input", "max"});
  bind<&binary<&Tensor::logical_and_>>(exports, "logicalAnd_", {"input", "other"});
  bind<&binary<&Tensor::logical_or_>>(exports, "logicalOr_", {"input", "other"});
  bind<&binary<&Tensor::bitwise_and_>>(exports, "bitwiseAnd_", {"input", "other"});
  bind<&binary<&Tensor::bitwise_or_>>(exports, "bitwiseOr_", {"input", "other"});
  bind<&binary<&Tensor::bitwise_xor_>>(exports, "bitwiseXor_", {"input", "other"});
  bind<&fill_>(exports, "fill_", {"input", "value"});
  bind<&copy_>(exports, "copy_", {"input", "source", "nonBlocking"});
  bind<&clamp_>(exports, "clamp_", {"input", "min", "max"});
  bind<&lerp_>(exports, "lerp_", {"input", "end", "weight"});
  bind<&addcmul_>(exports, "addcmul_", {"input", "left", "right", "value"});
  bind<&addcdiv_>(exports, "addcdiv_", {"input", "left", "right", "value"});
  bind<&nanToNum_>(exports, "nanToNum_", {"input", "nan", "posinf", "neginf"});
  bind<&tril_>(exports, "tril_", {"input", "diagonal"});
  bind<&triu_>(exports, "triu_", {"input", "diagonal"});
  bind<&fillDiagonal_>(exports, "fillDiagonal_", {"input", "value"});
}

}  // namespace mbconv
