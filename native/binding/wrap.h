// C++ objects behind JavaScript objects whose class the addon did not make.
#pragma once

#include <napi.h>

#include <optional>

namespace mbconv {

// Ties `data` to an object and marks it as one of a kind. `finalize` runs once the object has been collected. Returns a
// weak reference to the object. What is thrown leaves `data` with the caller.
napi_ref wrap(Napi::Object object, const napi_type_tag& kind, void* data, napi_finalize finalize);

// What is tied to a value of this kind, null where it has been released; nothing for any other value. Throws nothing.
std::optional<void*> unwrap(Napi::Value value, const napi_type_tag& kind);

// Parts the object, if it still exists, from what is tied to it: its finalizer will not run. The object stays marked.
void releaseWrap(Napi::Env env, napi_ref self);

// Gives the weak reference up.
void deleteReference(Napi::Env env, napi_ref reference);

}  // namespace mbconv
