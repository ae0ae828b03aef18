// JavaScript values to C++ arguments and back, one overload per type.
//
// Arg<T>::from(site, value) converts, or throws an Error that names the argument. toJs(env, value) never fails for a
// reason that the user could have caused.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/MemoryFormat.h>
#include <c10/core/Scalar.h>
#include <c10/core/ScalarType.h>
#include <napi.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

// The operation and the argument that a value belongs to, for messages.
struct Site {
  const Op& op;
  size_t index;
};

[[noreturn]] void expected(const Site& site, const std::string& what, Napi::Value got);

// "a string", "Tensor float32[2,3]", …
std::string describe(const Env& env, Napi::Value value);
std::string describe(const at::Tensor& tensor);

at::ScalarType parseDType(const std::string& name);
std::string dtypeName(at::ScalarType dtype);
at::MemoryFormat parseMemoryFormat(const std::string& name);

// A tensor, or a number in place of one. A number is promoted like a Python number: it never widens the other side's
// dtype.
struct Operand {
  at::Tensor value;
};

inline bool isNullish(Napi::Value value) {
  const napi_valuetype type = value.Type();
  return type == napi_undefined || type == napi_null;
}

template <class T>
struct Arg;

template <>
struct Arg<at::Tensor> {
  // By value: converting a later argument may run a getter that disposes this one.
  static at::Tensor from(const Site& site, Napi::Value value);
};
template <>
struct Arg<Operand> {
  static Operand from(const Site& site, Napi::Value value);
};
template <>
struct Arg<Napi::Value> {
  static Napi::Value from(const Site&, Napi::Value value) { return value; }
};
template <>
struct Arg<Napi::Function> {
  static Napi::Function from(const Site& site, Napi::Value value) {
    if (!value.IsFunction()) expected(site, "a function", value);
    return value.As<Napi::Function>();
  }
};
template <>
struct Arg<at::Scalar> {
  static at::Scalar from(const Site& site, Napi::Value value);
};
template <>
struct Arg<int64_t> {
  static int64_t from(const Site& site, Napi::Value value);
};
template <>
struct Arg<double> {
  static double from(const Site& site, Napi::Value value);
};
template <>
struct Arg<bool> {
  static bool from(const Site& site, Napi::Value value);
};
template <>
struct Arg<std::string> {
  static std::string from(const Site& site, Napi::Value value);
};
template <>
struct Arg<at::ScalarType> {
  static at::ScalarType from(const Site& site, Napi::Value value) {
    return parseDType(Arg<std::string>::from(site, value));
  }
};
template <>
struct Arg<at::MemoryFormat> {
  static at::MemoryFormat from(const Site& site, Napi::Value value) {
    return parseMemoryFormat(Arg<std::string>::from(site, value));
  }
};
template <>
struct Arg<at::Device> {
  static at::Device from(const Site& site, Napi::Value value);
};

// Checks that the value is an array, not too long for a list of sizes or tensors. Returns it with its length.
std::pair<Napi::Array, uint32_t> arrayOf(const Site& site, Napi::Value value);

template <class T>
struct Arg<std::vector<T>> {
  static std::vector<T> from(const Site& site, Napi::Value value) {
    const auto [array, length] = arrayOf(site, value);
    std::vector<T> list;
    list.reserve(length);
    for (uint32_t i = 0; i < length; ++i) list.push_back(Arg<T>::from(site, array.Get(i)));
    return list;
  }
};

template <class T>
struct Arg<std::optional<T>> {
  static std::optional<T> from(const Site& site, Napi::Value value) {
    if (isNullish(value)) return std::nullopt;
    return Arg<T>::from(site, value);
  }
};

inline Napi::Value toJs(Env& env, at::Tensor tensor) { return env.wrap(std::move(tensor)); }
inline Napi::Value toJs(Env&, Napi::Value value) { return value; }
inline Napi::Value toJs(Env& env, double value) { return Napi::Number::New(env.js(), value); }
inline Napi::Value toJs(Env& env, bool value) { return Napi::Boolean::New(env.js(), value); }
inline Napi::Value toJs(Env& env, const std::string& value) { return Napi::String::New(env.js(), value); }
// A number while that is exact, a BigInt beyond ±2^53.
Napi::Value toJs(Env& env, int64_t value);
Napi::Value toJs(Env& env, const at::Scalar& value);

template <class T>
Napi::Value toJs(Env& env, const std::optional<T>& value) {
  return value ? toJs(env, *value) : env.js().Null();
}

template <class T>
Napi::Value toJs(Env& env, const std::vector<T>& list) {
  auto array = Napi::Array::New(env.js(), list.size());
  for (size_t i = 0; i < list.size(); ++i) array.Set(static_cast<uint32_t>(i), toJs(env, list[i]));
  return array;
}

template <class... T>
Napi::Value toJs(Env& env, const std::tuple<T...>& tuple) {
  auto array = Napi::Array::New(env.js(), sizeof...(T));
  uint32_t i = 0;
  std::apply([&](const auto&... element) { (array.Set(i++, toJs(env, element)), ...); }, tuple);
  return array;
}

}  // namespace mbconv
