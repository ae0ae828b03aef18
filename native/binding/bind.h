// Exports a C++ function to JavaScript: bind<&fn>(exports, "name", {"argument", …}).
//
// The argument conversions and the result's are deduced from the function's signature; every exception on the way
// becomes a JavaScript error naming the operation. Arguments that are std::optional may be left out. A function that
// returns a Task gives JavaScript a promise.
#pragma once

#include <node_api.h>

#include <array>
#include <initializer_list>
#include <type_traits>

#include "binding/async.h"
#include "binding/convert.h"
#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

class Exports {
 public:
  Exports(Env& env, napi_value object) : env_(env), object_(object) {}
  Env& env() const { return env_; }
  void add(const char* name, napi_callback callback, Op* op) const {
    napi_value function;
    check(napi_create_function(env_.js(), name, NAPI_AUTO_LENGTH, callback, op, &function));
    check(napi_set_named_property(env_.js(), object_, name, function));
  }

 private:
  Env& env_;
  napi_value object_;
};

template <auto Fn, class Signature = decltype(Fn)>
struct Binding;

template <auto Fn, class R, class... A>
struct Binding<Fn, R (*)(A...)> {
  // A function that needs the environment takes it first; it is no JavaScript argument.
  static constexpr bool kTakesEnv = [] {
    if constexpr (sizeof...(A) == 0)
      return false;
    else
      return std::is_same_v<std::tuple_element_t<0, std::tuple<A..., void>>, Env&>;
  }();
  static constexpr size_t kArguments = sizeof...(A) - (kTakesEnv ? 1 : 0);

  template <class T>
  using Convert = Arg<std::remove_cv_t<std::remove_reference_t<T>>>;

  template <size_t... I>
  static napi_value invoke(Op& op, const napi_value* argv, std::index_sequence<I...>) {
    using All = std::tuple<A...>;
    auto call = [&]() -> R {
      if constexpr (kTakesEnv) {
        return Fn(*op.env, Convert<std::tuple_element_t<I + 1, All>>::from(Site{op, I}, argv[I])...);
      } else {
        return Fn(Convert<std::tuple_element_t<I, All>>::from(Site{op, I}, argv[I])...);
      }
    };
    if constexpr (std::is_void_v<R>) {
      call();
      return nullptr;
    } else if constexpr (std::is_same_v<R, Task>) {
      return start(op, call());
    } else {
      return toJs(*op.env, call());
    }
  }

  static napi_value callback(napi_env env, napi_callback_info info) {
    std::array<napi_value, kArguments + 1> argv{};
    size_t argc = kArguments;
    void* data = nullptr;
    if (napi_get_cb_info(env, info, &argc, argv.data(), nullptr, &data) != napi_ok) return nullptr;
    Op& op = *static_cast<Op*>(data);
    op.env->current = &op;
    try {
      return invoke(op, argv.data(), std::make_index_sequence<kArguments>());
    } catch (...) {
      throwCurrentException(op, kArguments, argv.data());
      return nullptr;
    }
  }
};

template <auto Fn>
void bind(const Exports& exports, const char* name, std::initializer_list<const char*> arguments) {
  static_assert(std::is_pointer_v<decltype(Fn)>, "bind takes a function");
  exports.add(name, &Binding<Fn>::callback, exports.env().addOp(name, arguments));
}

}  // namespace mbconv
