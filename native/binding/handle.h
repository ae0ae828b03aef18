// Objects of JavaScript that stand for something of C++ other than a tensor: opaque, and made by the addon alone.
#pragma once

#include <node_api.h>

#include <memory>
#include <string>

#include "binding/convert.h"
#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

// Specialised for each kind: `tag` tells its objects from all others, `name` is what messages call one.
template <class T>
struct HandleKind;

template <class T>
struct Handle {
  std::shared_ptr<T> value;
  std::shared_ptr<bool> leaving;

  // When the environment ends, CUDA objects are left to the driver: work on them may be under way, and the context may
  // be gone before them.
  static void finalize(napi_env, void* data, void*) {
    std::unique_ptr<Handle> handle(static_cast<Handle*>(data));
    if (*handle->leaving) new std::shared_ptr<T>(std::move(handle->value));
  }

  static Handle& of(const Site& site, napi_value value) {
    bool ours = false;
    void* data = nullptr;
    napi_valuetype type;
    // Asking a primitive for its tag would leave a JavaScript exception pending.
    check(napi_typeof(site.js(), value, &type));
    if (type == napi_object && napi_check_object_type_tag(site.js(), value, &HandleKind<T>::tag, &ours) != napi_ok)
      ours = false;
    if (!ours) expected(site, HandleKind<T>::name, value);
    check(napi_unwrap(site.js(), value, &data));
    return *static_cast<Handle*>(data);
  }
};

template <class T>
struct Arg<std::shared_ptr<T>> {
  static std::shared_ptr<T> from(const Site& site, napi_value value) {
    const Handle<T>& handle = Handle<T>::of(site, value);
    if (!handle.value) throw Error("ERR_DISPOSED", std::string(site.op.arguments[site.index]) + " has been disposed");
    return handle.value;
  }
};

// An argument that is to be disposed; doing so twice is harmless.
template <class T>
struct Disposable {
  Handle<T>* handle;
  void dispose() const { handle->value.reset(); }
};

template <class T>
struct Arg<Disposable<T>> {
  static Disposable<T> from(const Site& site, napi_value value) { return {&Handle<T>::of(site, value)}; }
};

template <class T>
napi_value toJs(Env& env, std::shared_ptr<T> value) {
  napi_value object;
  check(napi_create_object(env.js(), &object));
  auto handle = std::make_unique<Handle<T>>(Handle<T>{std::move(value), env.leaving()});
  check(napi_wrap(env.js(), object, handle.get(), &Handle<T>::finalize, nullptr, nullptr));
  handle.release();  // the JavaScript object owns it from here on
  check(napi_type_tag_object(env.js(), object, &HandleKind<T>::tag));
  return object;
}

}  // namespace mbconv
