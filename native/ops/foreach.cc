// Operations on lists of tensors: one kernel launch for many tensors, if the device has such kernels.
#include <ATen/Functions.h>

#include <variant>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using List = std::vector<Tensor>;
using Scalars = std::vector<at::Scalar>;

// The other side of a list: one number or tensor for every element, or a number or tensor for each.
using Other = std::variant<at::Scalar, Scalars, List, Tensor>;

}  // namespace

template <>
struct Arg<Other> {
  static Other from(const Site& site, Napi::Value value) {
    if (!value.IsArray()) {
      if (site.op.env->unwrap(value) != nullptr) return Arg<Tensor>::from(site, value);
      if (!value.IsNumber() && !value.IsBigInt() && !value.IsBoolean())
        expected(site, "a number, a Tensor, or an array of either", value);
      return Arg<at::Scalar>::from(site, value);
    }
    if (site.op.env->unwrap(value.As<Napi::Array>().Get(0u)) != nullptr) return Arg<List>::from(site, value);
    return Arg<Scalars>::from(site, value);
  }
};

namespace {

std::string element(const char* name, size_t index) { return std::string(name) + "[" + std::to_string(index) + "]"; }

void checkNotEmpty(const List& tensors) {
  if (tensors.empty()) throw Error("ERR_VALUE", "tensors must hold at least one tensor");
}

void checkLength(const List& tensors, size_t length, const char* name) {
  checkNotEmpty(tensors);
  if (length != tensors.size())
    throw Error("ERR_SHAPE", std::string(name) + " must be as long as tensors, " + std::to_string(tensors.size()) +
                                 ", got " + std::to_string(length));
}

// Checks that each pair broadcasts and lies on one device. A tensor without dimensions may be on another device.
void checkPairs(const List& tensors, const List& others, const char* name) {
  checkLength(tensors, others.size(), name);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor &a = tensors[i], &b = others[i];
    if (a.device() != b.device() && a.dim() > 0 && b.dim() > 0)
      throw Error("ERR_VALUE", element("tensors", i) + " and " + element(name, i) + " must be on one device, got " +
                                   describe(a) + " and " + describe(b));
    for (int64_t d = 1; d <= std::min(a.dim(), b.dim()); ++d) {
      if (a.size(-d) != b.size(-d) && a.size(-d) != 1 && b.size(-d) != 1)
        throw Error("ERR_SHAPE", "the shapes of " + element("tensors", i) + " and " + element(name, i) +
                                     " do not fit: " + describe(a) + " and " + describe(b));
    }
  }
}

void checkOther(const List& tensors, const Other& other) {
  checkNotEmpty(tensors);
  if (const auto* list = std::get_if<List>(&other)) checkPairs(tensors, *list, "other");
  if (const auto* numbers = std::get_if<Scalars>(&other)) checkLength(tensors, numbers->size(), "other");
  if (const auto* tensor = std::get_if<Tensor>(&other); tensor && tensor->dim() > 0)
    throw Error("ERR_SHAPE", "a single tensor as other must have no dimensions, got " + describe(*tensor));
}

// --- one list --------------------------------------------------------------------------------------------------------

template <List (*Fn)(at::TensorList)>
List unary(List tensors) {
  checkNotEmpty(tensors);
  return Fn(tensors);
}
template <void (*Fn)(at::TensorList)>
void unaryInPlace(List tensors) {
  checkNotEmpty(tensors);
  Fn(tensors);
}

List norm(List tensors, at::Scalar p) {
  checkNotEmpty(tensors);
  return at::_foreach_norm(tensors, p);
}

// --- a list and another side -----------------------------------------------------------------------------------------

// One name for all overloads of a libtorch function. A single tensor is passed as a list of copies if no overload takes
// it.
#define MBCONV_OVERLOADS(fn) [](const auto&... arguments) { return (fn)(arguments...); }
constexpr auto kAdd = MBCONV_OVERLOADS(at::_foreach_add);
constexpr auto kAdd_ = MBCONV_OVERLOADS(at::_foreach_add_);
constexpr auto kSub = MBCONV_OVERLOADS(at::_foreach_sub);
constexpr auto kSub_ = MBCONV_OVERLOADS(at::_foreach_sub_);
constexpr auto kMul = MBCONV_OVERLOADS(at::_foreach_mul);
constexpr auto kMul_ = MBCONV_OVERLOADS(at::_foreach_mul_);
constexpr auto kDiv = MBCONV_OVERLOADS(at::_foreach_div);
constexpr auto kDiv_ = MBCONV_OVERLOADS(at::_foreach_div_);
constexpr auto kPow = MBCONV_OVERLOADS(at::_foreach_pow);
constexpr auto kPow_ = MBCONV_OVERLOADS(at::_foreach_pow_);
constexpr auto kMaximum = MBCONV_OVERLOADS(at::_foreach_maximum);
constexpr auto kMaximum_ = MBCONV_OVERLOADS(at::_foreach_maximum_);
constexpr auto kMinimum = MBCONV_OVERLOADS(at::_foreach_minimum);
constexpr auto kMinimum_ = MBCONV_OVERLOADS(at::_foreach_minimum_);
constexpr auto kLerp = MBCONV_OVERLOADS(at::_foreach_lerp);
constexpr auto kLerp_ = MBCONV_OVERLOADS(at::_foreach_lerp_);
constexpr auto kAddcmul = MBCONV_OVERLOADS(at::_foreach_addcmul);
constexpr auto kAddcmul_ = MBCONV_OVERLOADS(at::_foreach_addcmul_);
constexpr auto kAddcdiv = MBCONV_OVERLOADS(at::_foreach_addcdiv);
constexpr auto kAddcdiv_ = MBCONV_OVERLOADS(at::_foreach_addcdiv_);
#undef MBCONV_OVERLOADS

// Add and subtract take α only for tensors. With numbers the caller can multiply by it.
template <auto Fn>
auto scaled(List tensors, Other other, at::Scalar alpha) {
  checkOther(tensors, other);
  if (const auto* list = std::get_if<List>(&other)) return Fn(tensors, *list, alpha);
  if (const auto* tensor = std::get_if<Tensor>(&other)) return Fn(tensors, List(tensors.size(), *tensor), alpha);
  if (alpha.toDouble() != 1) throw Error("ERR_VALUE", "alpha is for tensors only; multiply the numbers by it");
  if (const auto* numbers = std::get_if<Scalars>(&other)) return Fn(tensors, *numbers);
  return Fn(tensors, std::get<at::Scalar>(other));
}

// These functions take a tensor without dimensions as one argument, so that the device reads it once. libtorch 2.13
// fails to compute the gradient of that argument ("inconsistent range for TensorList output"). It can compute the
// gradient of a list, so a tensor that requires a gradient is passed as a list.
template <auto Fn>
auto withTensor(List tensors, Other other) {
  checkOther(tensors, other);
  if (const auto* tensor = std::get_if<Tensor>(&other); tensor && tensor->requires_grad())
    return Fn(tensors, List(tensors.size(), *tensor));
  return std::visit([&](const auto& value) { return Fn(tensors, value); }, other);
}

template <auto Fn>
auto withList(List tensors, Other other) {
  checkOther(tensors, other);
  if (const auto* tensor = std::get_if<Tensor>(&other)) return Fn(tensors, List(tensors.size(), *tensor));
  if (const auto* list = std::get_if<List>(&other)) return Fn(tensors, *list);
  if (const auto* numbers = std::get_if<Scalars>(&other)) return Fn(tensors, *numbers);
  return Fn(tensors, std::get<at::Scalar>(other));
}

void copy_(List tensors, List sources) {
  checkPairs(tensors, sources, "sources");
  at::_foreach_copy_(tensors, sources);
}

template <auto Fn>
auto lerp(List tensors, List ends, Other weight) {
  checkPairs(tensors, ends, "ends");
  checkOther(tensors, weight);
  if (const auto* tensor = std::get_if<Tensor>(&weight)) return Fn(tensors, ends, List(tensors.size(), *tensor));
  if (const auto* list = std::get_if<List>(&weight)) return Fn(tensors, ends, *list);
  if (const auto* numbers = std::get_if<Scalars>(&weight)) return Fn(tensors, ends, *numbers);
  return Fn(tensors, ends, std::get<at::Scalar>(weight));
}

// tensors + value · (left ∘ right).
template <auto Fn>
auto pointwise(List tensors, List left, List right, std::variant<at::Scalar, Scalars> value) {
  checkPairs(tensors, left, "left");
  checkPairs(tensors, right, "right");
  if (const auto* numbers = std::get_if<Scalars>(&value)) {
    checkLength(tensors, numbers->size(), "value");
    return Fn(tensors, left, right, *numbers);
  }
  return Fn(tensors, left, right, std::get<at::Scalar>(value));
}

}  // namespace

template <>
struct Arg<std::variant<at::Scalar, Scalars>> {
  static std::variant<at::Scalar, Scalars> from(const Site& site, Napi::Value value) {
    if (value.IsArray()) return Arg<Scalars>::from(site, value);
    return Arg<at::Scalar>::from(site, value);
  }
};

void initForeach(const Exports& exports) {
  bind<&unary<&at::_foreach_neg>>(exports, "foreachNeg", {"tensors"});
  bind<&unary<&at::_foreach_abs>>(exports, "foreachAbs", {"tensors"});
  bind<&unary<&at::_foreach_exp>>(exports, "foreachExp", {"tensors"});
  bind<&unary<&at::_foreach_log>>(exports, "foreachLog", {"tensors"});
  bind<&unary<&at::_foreach_sqrt>>(exports, "foreachSqrt", {"tensors"});
  bind<&unary<&at::_foreach_rsqrt>>(exports, "foreachRsqrt", {"tensors"});
  bind<&unary<&at::_foreach_reciprocal>>(exports, "foreachReciprocal", {"tensors"});
  bind<&unary<&at::_foreach_sign>>(exports, "foreachSign", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_neg_>>(exports, "foreachNeg_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_abs_>>(exports, "foreachAbs_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_exp_>>(exports, "foreachExp_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_log_>>(exports, "foreachLog_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_sqrt_>>(exports, "foreachSqrt_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_rsqrt_>>(exports, "foreachRsqrt_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_reciprocal_>>(exports, "foreachReciprocal_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_sign_>>(exports, "foreachSign_", {"tensors"});
  bind<&unaryInPlace<&at::_foreach_zero_>>(exports, "foreachZero_", {"tensors"});
  bind<&norm>(exports, "foreachNorm", {"tensors", "p"});

  bind<&scaled<kAdd>>(exports, "foreachAdd", {"tensors", "other", "alpha"});
  bind<&scaled<kAdd_>>(exports, "foreachAdd_", {"tensors", "other", "alpha"});
  bind<&scaled<kSub>>(exports, "foreachSub", {"tensors", "other", "alpha"});
  bind<&scaled<kSub_>>(exports, "foreachSub_", {"tensors", "other", "alpha"});
  bind<&withTensor<kMul>>(exports, "foreachMul", {"tensors", "other"});
  bind<&withTensor<kMul_>>(exports, "foreachMul_", {"tensors", "other"});
  bind<&withTensor<kDiv>>(exports, "foreachDiv", {"tensors", "other"});
  bind<&withTensor<kDiv_>>(exports, "foreachDiv_", {"tensors", "other"});
  bind<&withList<kPow>>(exports, "foreachPow", {"tensors", "other"});
  bind<&withList<kPow_>>(exports, "foreachPow_", {"tensors", "other"});
  bind<&withList<kMaximum>>(exports, "foreachMaximum", {"tensors", "other"});
  bind<&withList<kMaximum_>>(exports, "foreachMaximum_", {"tensors", "other"});
  bind<&withList<kMinimum>>(exports, "foreachMinimum", {"tensors", "other"});
  bind<&withList<kMinimum_>>(exports, "foreachMinimum_", {"tensors", "other"});
  bind<&copy_>(exports, "foreachCopy_", {"tensors", "sources"});
  bind<&lerp<kLerp>>(exports, "foreachLerp", {"tensors", "ends", "weight"});
  bind<&lerp<kLerp_>>(exports, "foreachLerp_", {"tensors", "ends", "weight"});
  bind<&pointwise<kAddcmul>>(exports, "foreachAddcmul", {"tensors", "left", "right", "value"});
  bind<&pointwise<kAddcmul_>>(exports, "foreachAddcmul_", {"tensors", "left", "right", "value"});
  bind<&pointwise<kAddcdiv>>(exports, "foreachAddcdiv", {"tensors", "left", "right", "value"});
  bind<&pointwise<kAddcdiv_>>(exports, "foreachAddcdiv_", {"tensors", "left", "right", "value"});
}

}  // namespace mbconv
