// C++ objects behind JavaScript objects whose class is not made by the addon.
#pragma once

#include <napi.h>

#include <optional>

namespace mbconv {

// Ties `data` to an object and tags it with `kind`. `finalize` runs once the object has been collected. If this throws,
// `data` still belongs to the caller.
void wrap(Napi::Object object, const napi_type_tag& kind, void* data, napi_finalize finalize);

// As wrap(), with a weak reference to the object, which the caller deletes with deleteReference().
napi_ref wrapWithReference(Napi::Object object, const napi_type_tag& kind, void* data, napi_finalize finalize);

// The data tied to a value of this kind; null if it has been released; nothing for any other value. Never throws.
std::optional<void*> unwrap(Napi::Value value, const napi_type_tag& kind);

// Separates the object, if it still exists, from its data: its finalizer will not run. The object keeps its tag.
void releaseWrap(Napi::Env env, napi_ref self);

// Deletes the weak reference.
void deleteReference(Napi::Env env, napi_ref reference);

}  // namespace mbconv
