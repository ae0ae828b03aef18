// JavaScript values to C++ arguments and back, one overload per type.
//
// Arg<T>::from(site, value) converts or throws an Error naming the operation's argument; toJs(env, value) never fails
// for a reason the user could have caused.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/MemoryFormat.h>
#include <c10/core/Scalar.h>
#include <c10/core/ScalarType.h>
#include <node_api.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

// Where a value comes from, for messages: the operation and its argument.
struct Site {
  const Op& op;
  size_t index;
  napi_env js() const { return op.env->js(); }
};

[[noreturn]] void expected(const Site& site, const std::string& what, napi_value got);

// "a string", "Tensor float32[2,3]", …
std::string describe(const Env& env, napi_value value);
std::string describe(const at::Tensor& tensor);

at::ScalarType parseDType(const std::string& name);
std::string dtypeName(at::ScalarType dtype);
at::MemoryFormat parseMemoryFormat(const std::string& name);

// A tensor, or a number standing for one: promoted like a Python number, so it never widens the other side's dtype.
struct Operand {
  at::Tensor value;
};

// A value handed on as it is.
struct JsValue {
  napi_value value;
};

bool isNullish(napi_env env, napi_value value);

template <class T>
struct Arg;

template <>
struct Arg<at::Tensor> {
  // By value: converting a later argument may run a getter that disposes this one.
  static at::Tensor from(const Site& site, napi_value value);
};
template <>
struct Arg<Operand> {
  static Operand from(const Site& site, napi_value value);
};
template <>
struct Arg<JsValue> {
  static JsValue from(const Site&, napi_value value) { return {value}; }
};
template <>
struct Arg<at::Scalar> {
  static at::Scalar from(const Site& site, napi_value value);
};
template <>
struct Arg<int64_t> {
  static int64_t from(const Site& site, napi_value value);
};
template <>
struct Arg<double> {
  static double from(const Site& site, napi_value value);
};
template <>
struct Arg<bool> {
  static bool from(const Site& site, napi_value value);
};
template <>
struct Arg<std::string> {
  static std::string from(const Site& site, napi_value value);
};
template <>
struct Arg<at::ScalarType> {
  static at::ScalarType from(const Site& site, napi_value value) {
    return parseDType(Arg<std::string>::from(site, value));
  }
};
template <>
struct Arg<at::MemoryFormat> {
  static at::MemoryFormat from(const Site& site, napi_value value) {
    return parseMemoryFormat(Arg<std::string>::from(site, value));
  }
};
template <>
struct Arg<at::Device> {
  static at::Device from(const Site& site, napi_value value);
};

uint32_t arrayLength(const Site& site, napi_value value, const char* what);

template <class T>
struct Arg<std::vector<T>> {
  static std::vector<T> from(const Site& site, napi_value value) {
    const uint32_t length = arrayLength(site, value, "an array");
    std::vector<T> list;
    list.reserve(length);
    for (uint32_t i = 0; i < length; ++i) {
      napi_value element;
      check(napi_get_element(site.js(), value, i, &element));
      list.push_back(Arg<T>::from(site, element));
    }
    return list;
  }
};

template <class T>
struct Arg<std::optional<T>> {
  static std::optional<T> from(const Site& site, napi_value value) {
    if (isNullish(site.js(), value)) return std::nullopt;
    return Arg<T>::from(site, value);
  }
};

inline napi_value toJs(Env& env, at::Tensor tensor) { return env.wrap(std::move(tensor)); }
inline napi_value toJs(Env&, JsValue value) { return value.value; }
napi_value toJs(Env& env, double value);
napi_value toJs(Env& env, bool value);
// A number while it is exact, a BigInt beyond ±2^53.
napi_value toJs(Env& env, int64_t value);
napi_value toJs(Env& env, const std::string& value);
napi_value toJs(Env& env, const at::Scalar& value);

template <class T>
napi_value toJs(Env& env, const std::optional<T>& value) {
  if (value) return toJs(env, *value);
  napi_value null;
  check(napi_get_null(env.js(), &null));
  return null;
}

template <class T>
napi_value toJs(Env& env, const std::vector<T>& list) {
  napi_value array;
  check(napi_create_array_with_length(env.js(), list.size(), &array));
  for (size_t i = 0; i < list.size(); ++i) {
    check(napi_set_element(env.js(), array, static_cast<uint32_t>(i), toJs(env, list[i])));
  }
  return array;
}

template <class... T>
napi_value toJs(Env& env, const std::tuple<T...>& tuple) {
  napi_value array;
  check(napi_create_array_with_length(env.js(), sizeof...(T), &array));
  uint32_t i = 0;
  std::apply([&](const auto&... element) { (check(napi_set_element(env.js(), array, i++, toJs(env, element))), ...); },
             tuple);
  return array;
}

}  // namespace mbconv
