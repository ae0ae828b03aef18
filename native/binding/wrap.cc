// The only file that calls Node-API itself; all others use node-addon-api.
//
// node-addon-api ties C++ objects to JavaScript objects by Napi::ObjectWrap<T>, which defines the JavaScript class in
// C++. The Tensor class is written in TypeScript. Handles of tensors also have to be freed before their JavaScript
// objects are collected, and ObjectWrap has no call for that. Calls that fail here must not throw: they run in
// destructors and in finalizers.
#include "binding/wrap.h"

namespace mbconv {

namespace {

void check(Napi::Env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

void tie(Napi::Object object, const napi_type_tag& kind, void* data, napi_finalize finalize, napi_ref* self) {
  // Tag first, because this can fail: once the object is wrapped, it owns `data`.
  check(object.Env(), napi_type_tag_object(object.Env(), object, &kind));
  check(object.Env(), napi_wrap(object.Env(), object, data, finalize, nullptr, self));
}

}  // namespace

void wrap(Napi::Object object, const napi_type_tag& kind, void* data, napi_finalize finalize) {
  // Without a place for the reference, Node deletes it together with the object.
  tie(object, kind, data, finalize, nullptr);
}

napi_ref wrapWithReference(Napi::Object object, const napi_type_tag& kind, void* data, napi_finalize finalize) {
  napi_ref self;
  tie(object, kind, data, finalize, &self);
  return self;
}

std::optional<void*> unwrap(Napi::Value value, const napi_type_tag& kind) {
  napi_env env = value.Env();
  // Asking a primitive for its tag would leave a JavaScript exception pending.
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return std::nullopt;
  bool ours = false;
  if (napi_check_object_type_tag(env, value, &kind, &ours) != napi_ok || !ours) return std::nullopt;
  void* data = nullptr;
  return napi_unwrap(env, value, &data) == napi_ok ? data : nullptr;
}

void releaseWrap(Napi::Env env, napi_ref self) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value object = nullptr;
  void* data = nullptr;
  if (napi_get_reference_value(env, self, &object) == napi_ok && object != nullptr)
    napi_remove_wrap(env, object, &data);
  napi_close_handle_scope(env, scope);
}

void deleteReference(Napi::Env env, napi_ref reference) { napi_delete_reference(env, reference); }

}  // namespace mbconv
