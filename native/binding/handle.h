// JavaScript objects that stand for a C++ object other than a tensor. They are opaque, and only the addon makes them.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "binding/convert.h"
#include "binding/env.h"
#include "binding/error.h"
#include "binding/wrap.h"

namespace mbconv {

// Specialised for each kind: `tag` tells its objects from all others, `name` is its name in messages.
template <class T>
struct HandleKind;

template <class T>
struct Handle {
  std::shared_ptr<T> value;
  std::shared_ptr<bool> leaving;

  // When the environment ends, CUDA objects are left to the driver: work on them may be under way, and the CUDA context
  // may be destroyed before them.
  static void finalize(napi_env, void* data, void*) {
    std::unique_ptr<Handle> handle(static_cast<Handle*>(data));
    if (*handle->leaving) new std::shared_ptr<T>(std::move(handle->value));
  }

  static Handle& of(const Site& site, Napi::Value value) {
    const auto found = unwrap(value, HandleKind<T>::tag);
    if (!found) expected(site, HandleKind<T>::name, value);
    return *static_cast<Handle*>(*found);
  }
};

template <class T>
struct Arg<std::shared_ptr<T>> {
  static std::shared_ptr<T> from(const Site& site, Napi::Value value) {
    const Handle<T>& handle = Handle<T>::of(site, value);
    if (!handle.value) throw Error("ERR_DISPOSED", std::string(site.op.arguments[site.index]) + " has been disposed");
    return handle.value;
  }
};

// An argument to be disposed. Disposing it twice is harmless.
template <class T>
struct Disposable {
  Handle<T>* handle;
  void dispose() const { handle->value.reset(); }
};

template <class T>
struct Arg<Disposable<T>> {
  static Disposable<T> from(const Site& site, Napi::Value value) { return {&Handle<T>::of(site, value)}; }
};

template <class T>
Napi::Value toJs(Env& env, std::shared_ptr<T> value) {
  auto object = Napi::Object::New(env.js());
  auto handle = std::make_unique<Handle<T>>(Handle<T>{std::move(value), env.leaving()});
  wrap(object, HandleKind<T>::tag, handle.get(), &Handle<T>::finalize);
  (void)handle.release();  // the JavaScript object owns it from here on
  return object;
}

}  // namespace mbconv
