// Exports a C++ function to JavaScript: bind<&fn>(exports, "name", {"argument", …}).
//
// The conversions of arguments and result are deduced from the function's signature. Every exception on the way becomes
// a JavaScript error that names the operation. std::optional arguments may be left out. A function that returns a Task
// gives JavaScript a promise.
#pragma once

#include <napi.h>

#include <initializer_list>
#include <type_traits>

#include "binding/async.h"
#include "binding/convert.h"
#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

class Exports {
 public:
  Exports(Env& env, Napi::Object object) : env_(env), object_(object) {}

  template <Napi::Value (*Callback)(const Napi::CallbackInfo&)>
  void add(const char* name, std::initializer_list<const char*> arguments) const {
    object_.Set(name, Napi::Function::New<Callback>(env_.js(), name, env_.addOp(name, arguments)));
  }

 private:
  Env& env_;
  Napi::Object object_;
};

template <auto Fn, class Signature = decltype(Fn)>
struct Binding;

template <auto Fn, class R, class... A>
struct Binding<Fn, R (*)(A...)> {
  // A function that needs the environment takes it first. It is not a JavaScript argument.
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
  static Napi::Value invoke(Op& op, const Napi::CallbackInfo& info, std::index_sequence<I...>) {
    using All = std::tuple<A...>;
    auto call = [&]() -> R {
      if constexpr (kTakesEnv) {
        return Fn(*op.env, Convert<std::tuple_element_t<I + 1, All>>::from(Site{op, I}, info[I])...);
      } else {
        return Fn(Convert<std::tuple_element_t<I, All>>::from(Site{op, I}, info[I])...);
      }
    };
    if constexpr (std::is_void_v<R>) {
      call();
      return {};
    } else if constexpr (std::is_same_v<R, Task>) {
      return start(op, call());
    } else {
      return toJs(*op.env, call());
    }
  }

  static Napi::Value callback(const Napi::CallbackInfo& info) {
    Op& op = *static_cast<Op*>(info.Data());
    op.env->current = &op;
    try {
      const Napi::Value result = invoke(op, info, std::make_index_sequence<kArguments>());
      if (op.env->warnings.pending()) op.env->warnings.deliver();
      return result;
    } catch (...) {
      throwCurrentError(op, info);
      return {};
    }
  }
};

template <auto Fn>
void bind(const Exports& exports, const char* name, std::initializer_list<const char*> arguments) {
  static_assert(std::is_pointer_v<decltype(Fn)>, "bind takes a function");
  exports.add<&Binding<Fn>::callback>(name, arguments);
}

}  // namespace mbconv
