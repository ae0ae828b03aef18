// Arithmetic and comparison, element by element: one line for each operation.
#include <ATen/Functions.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Bound = std::optional<at::Scalar>;

template <Tensor (*Fn)(const Tensor&)>
Tensor unary(const Tensor& input) {
  return Fn(input);
}

template <Tensor (*Fn)(const Tensor&, const Tensor&)>
Tensor binary(const Tensor& input, Operand other) {
  return Fn(input, other.value);
}

bool isNumber(const Operand& operand) { return operand.value.unsafeGetTensorImpl()->is_wrapped_number(); }

// The gradients of these operations are computed from the other side alone, and libtorch computes with two numbers in
// float32. So the number is passed as a scalar, or as a tensor of the input's dtype.
Tensor pow(const Tensor& input, Operand exponent) {
  return isNumber(exponent) ? at::pow(input, exponent.value.item()) : at::pow(input, exponent.value);
}
Tensor atan2(const Tensor& input, Operand other) {
  if (isNumber(other) && input.is_floating_point())
    return at::atan2(input, at::scalar_tensor(other.value.item(), input.options()));
  return at::atan2(input, other.value);
}

Tensor add(const Tensor& input, Operand other, at::Scalar alpha) { return at::add(input, other.value, alpha); }
Tensor sub(const Tensor& input, Operand other, at::Scalar alpha) { return at::sub(input, other.value, alpha); }
Tensor div(const Tensor& input, Operand other, std::optional<std::string> roundingMode) {
  checkRoundingMode(roundingMode);
  return at::div(input, other.value, roundingMode);
}
// libtorch's kernel that takes decimals refuses integers, also with 0.
Tensor round(const Tensor& input, int64_t decimals) {
  return decimals == 0 ? at::round(input) : at::round(input, decimals);
}
Tensor logit(const Tensor& input, std::optional<double> eps) { return at::logit(input, eps); }
Tensor clamp(const Tensor& input, Bound min, Bound max) { return at::clamp(input, min, max); }
Tensor nanToNum(const Tensor& input, std::optional<double> nan, std::optional<double> posinf,
                std::optional<double> neginf) {
  return at::nan_to_num(input, nan, posinf, neginf);
}
Tensor addcmul(const Tensor& input, const Tensor& left, const Tensor& right, at::Scalar value) {
  return at::addcmul(input, left, right, value);
}
Tensor addcdiv(const Tensor& input, const Tensor& left, const Tensor& right, at::Scalar value) {
  return at::addcdiv(input, left, right, value);
}
Tensor lerp(const Tensor& input, const Tensor& end, Operand weight) {
  // libtorch requires a tensor of weights to have the input's dtype, which a number does not have: pass a scalar.
  if (isNumber(weight)) return at::lerp(input, end, weight.value.item());
  return at::lerp(input, end, weight.value);
}
Tensor where(const Tensor& condition, Operand input, Operand other) {
  return at::where(condition, input.value, other.value);
}
Tensor isin(const Tensor& input, const Tensor& values) { return at::isin(input, values); }

Tensor isclose(const Tensor& input, Operand other, double rtol, double atol, bool equalNan) {
  // libtorch requires one dtype on both sides, which a number does not have.
  if (isNumber(other))
    return at::isclose(input, at::scalar_tensor(other.value.item(), input.options()), rtol, atol, equalNan);
  return at::isclose(input, other.value, rtol, atol, equalNan);
}
Tensor floatPower(const Tensor& input, Operand exponent) {
  return isNumber(exponent) ? at::float_power(input, exponent.value.item()) : at::float_power(input, exponent.value);
}
Tensor heaviside(const Tensor& input, const Tensor& values) { return at::heaviside(input, values); }
Tensor ldexp(const Tensor& input, Operand exponent) { return at::ldexp(input, exponent.value); }

bool equal(const Tensor& input, const Tensor& other) { return at::equal(input, other); }
bool allclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equalNan) {
  return at::allclose(input, other, rtol, atol, equalNan);
}

}  // namespace

void initElementwise(const Exports& exports) {
  bind<&unary<&at::neg>>(exports, "neg", {"input"});
  bind<&unary<&at::abs>>(exports, "abs", {"input"});
  bind<&unary<&at::exp>>(exports, "exp", {"input"});
  bind<&unary<&at::exp2>>(exports, "exp2", {"input"});
  bind<&unary<&at::expm1>>(exports, "expm1", {"input"});
  bind<&unary<&at::log>>(exports, "log", {"input"});
  bind<&unary<&at::log1p>>(exports, "log1p", {"input"});
  bind<&unary<&at::log2>>(exports, "log2", {"input"});
  bind<&unary<&at::log10>>(exports, "log10", {"input"});
  bind<&unary<&at::sqrt>>(exports, "sqrt", {"input"});
  bind<&unary<&at::rsqrt>>(exports, "rsqrt", {"input"});
  bind<&unary<&at::square>>(exports, "square", {"input"});
  bind<&unary<&at::reciprocal>>(exports, "reciprocal", {"input"});
  bind<&unary<&at::sigmoid>>(exports, "sigmoid", {"input"});
  bind<&logit>(exports, "logit", {"input", "eps"});
  bind<&unary<&at::sin>>(exports, "sin", {"input"});
  bind<&unary<&at::cos>>(exports, "cos", {"input"});
  bind<&unary<&at::tan>>(exports, "tan", {"input"});
  bind<&unary<&at::asin>>(exports, "asin", {"input"});
  bind<&unary<&at::acos>>(exports, "acos", {"input"});
  bind<&unary<&at::atan>>(exports, "atan", {"input"});
  bind<&unary<&at::sinh>>(exports, "sinh", {"input"});
  bind<&unary<&at::cosh>>(exports, "cosh", {"input"});
  bind<&unary<&at::tanh>>(exports, "tanh", {"input"});
  bind<&unary<&at::asinh>>(exports, "asinh", {"input"});
  bind<&unary<&at::acosh>>(exports, "acosh", {"input"});
  bind<&unary<&at::atanh>>(exports, "atanh", {"input"});
  bind<&unary<&at::erf>>(exports, "erf", {"input"});
  bind<&unary<&at::erfc>>(exports, "erfc", {"input"});
  bind<&unary<&at::erfinv>>(exports, "erfinv", {"input"});
  bind<&unary<&at::lgamma>>(exports, "lgamma", {"input"});
  bind<&unary<&at::digamma>>(exports, "digamma", {"input"});
  bind<&unary<&at::floor>>(exports, "floor", {"input"});
  bind<&unary<&at::ceil>>(exports, "ceil", {"input"});
  bind<&unary<&at::trunc>>(exports, "trunc", {"input"});
  bind<&unary<&at::frac>>(exports, "frac", {"input"});
  bind<&round>(exports, "round", {"input", "decimals"});
  bind<&unary<&at::sign>>(exports, "sign", {"input"});
  bind<&unary<&at::signbit>>(exports, "signbit", {"input"});
  bind<&unary<&at::sinc>>(exports, "sinc", {"input"});
  bind<&unary<&at::i0>>(exports, "i0", {"input"});
  bind<&unary<&at::deg2rad>>(exports, "deg2rad", {"input"});
  bind<&unary<&at::rad2deg>>(exports, "rad2deg", {"input"});
  bind<&unary<&at::isposinf>>(exports, "isposinf", {"input"});
  bind<&unary<&at::isneginf>>(exports, "isneginf", {"input"});
  bind<&unary<&at::isnan>>(exports, "isnan", {"input"});
  bind<&unary<&at::isinf>>(exports, "isinf", {"input"});
  bind<&unary<&at::isfinite>>(exports, "isfinite", {"input"});
  bind<&unary<&at::logical_not>>(exports, "logicalNot", {"input"});
  bind<&unary<&at::bitwise_not>>(exports, "bitwiseNot", {"input"});
  bind<&nanToNum>(exports, "nanToNum", {"input", "nan", "posinf", "neginf"});

  bind<&add>(exports, "add", {"input", "other", "alpha"});
  bind<&sub>(exports, "sub", {"input", "other", "alpha"});
  bind<&binary<&at::mul>>(exports, "mul", {"input", "other"});
  bind<&div>(exports, "div", {"input", "other", "roundingMode"});
  bind<&binary<&at::floor_divide>>(exports, "floorDivide", {"input", "other"});
  bind<&binary<&at::remainder>>(exports, "remainder", {"input", "other"});
  bind<&binary<&at::fmod>>(exports, "fmod", {"input", "other"});
  bind<&pow>(exports, "pow", {"input", "exponent"});
  bind<&atan2>(exports, "atan2", {"input", "other"});
  bind<&binary<&at::hypot>>(exports, "hypot", {"input", "other"});
  bind<&binary<&at::copysign>>(exports, "copysign", {"input", "other"});
  bind<&binary<&at::logaddexp>>(exports, "logaddexp", {"input", "other"});
  bind<&binary<&at::xlogy>>(exports, "xlogy", {"input", "other"});
  bind<&binary<&at::maximum>>(exports, "maximum", {"input", "other"});
  bind<&binary<&at::minimum>>(exports, "minimum", {"input", "other"});
  bind<&binary<&at::fmax>>(exports, "fmax", {"input", "other"});
  bind<&binary<&at::fmin>>(exports, "fmin", {"input", "other"});
  bind<&binary<&at::logaddexp2>>(exports, "logaddexp2", {"input", "other"});
  bind<&binary<&at::nextafter>>(exports, "nextafter", {"input", "other"});
  bind<&binary<&at::gcd>>(exports, "gcd", {"input", "other"});
  bind<&binary<&at::lcm>>(exports, "lcm", {"input", "other"});
  bind<&floatPower>(exports, "floatPower", {"input", "exponent"});
  bind<&heaviside>(exports, "heaviside", {"input", "values"});
  bind<&ldexp>(exports, "ldexp", {"input", "exponent"});
  bind<&binary<&at::clamp_min>>(exports, "clampMin", {"input", "min"});
  bind<&binary<&at::clamp_max>>(exports, "clampMax", {"input", "max"});
  bind<&clamp>(exports, "clamp", {"input", "min", "max"});
  bind<&addcmul>(exports, "addcmul", {"input", "left", "right", "value"});
  bind<&addcdiv>(exports, "addcdiv", {"input", "left", "right", "value"});
  bind<&lerp>(exports, "lerp", {"input", "end", "weight"});

  bind<&binary<&at::eq>>(exports, "eq", {"input", "other"});
  bind<&binary<&at::ne>>(exports, "ne", {"input", "other"});
  bind<&binary<&at::lt>>(exports, "lt", {"input", "other"});
  bind<&binary<&at::le>>(exports, "le", {"input", "other"});
  bind<&binary<&at::gt>>(exports, "gt", {"input", "other"});
  bind<&binary<&at::ge>>(exports, "ge", {"input", "other"});
  bind<&binary<&at::logical_and>>(exports, "logicalAnd", {"input", "other"});
  bind<&binary<&at::logical_or>>(exports, "logicalOr", {"input", "other"});
  bind<&binary<&at::logical_xor>>(exports, "logicalXor", {"input", "other"});
  bind<&binary<&at::bitwise_and>>(exports, "bitwiseAnd", {"input", "other"});
  bind<&binary<&at::bitwise_or>>(exports, "bitwiseOr", {"input", "other"});
  bind<&binary<&at::bitwise_xor>>(exports, "bitwiseXor", {"input", "other"});
  bind<&binary<&at::bitwise_left_shift>>(exports, "bitwiseLeftShift", {"input", "other"});
  bind<&binary<&at::bitwise_right_shift>>(exports, "bitwiseRightShift", {"input", "other"});
  bind<&where>(exports, "where", {"condition", "input", "other"});
  bind<&isin>(exports, "isin", {"input", "values"});
  bind<&equal>(exports, "equal", {"input", "other"});
  bind<&isclose>(exports, "isclose", {"input", "other", "rtol", "atol", "equalNan"});
  bind<&allclose>(exports, "allclose", {"input", "other", "rtol", "atol", "equalNan"});
}

}  // namespace mbconv
