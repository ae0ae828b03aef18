#include "binding/env.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <unordered_set>

#include "binding/error.h"
#include "binding/wrap.h"

namespace mbconv {

Env::Env(Napi::Env env) : generator(at::detail::createCPUGenerator()), js_(env) {
  generator.seed();
  scopes_.push_back(std::make_unique<Scope>());
  env.AddCleanupHook([leaving = leaving_] { *leaving = true; });
}

Env::~Env() = default;

void Env::tearDown(Napi::Env, Env* env) {
  *env->alive_ = false;
  env->warnings.end();
  env->inferenceModes.clear();
  env->setAside_.reset();
  for (auto& scope : env->scopes_) {
    while (scope->head.next != &scope->head) env->release(scope->head.next);
  }
  // Finalizers of the remaining JavaScript objects may run after this one; the last of them deletes the Env.
  if (env->handles_ == 0) delete env;
}

// The Env may be deleted after the environment has ended, which has freed the references already.
void Env::registerTensorClass(Napi::Function tensorClass) {
  tensorClass_ = Napi::Persistent(tensorClass);
  tensorClass_.SuppressDestruct();
}

void Env::registerErrorClass(Napi::Function errorClass) {
  errorClass_ = Napi::Persistent(errorClass);
  errorClass_.SuppressDestruct();
}

Napi::Error Env::takeSetAside() {
  Napi::Error error =
      setAside_ ? std::move(*setAside_) : Napi::Error::New(js_, "a JavaScript error that was thrown before");
  setAside_.reset();
  return error;
}

Napi::Value Env::wrap(at::Tensor tensor) {
  if (!tensor.defined()) return js_.Null();
  if (strict_ && scopes_.size() == 1)
    throw Error("ERR_SCOPE", "a tensor was made outside any scope, which strict mode forbids");
  if (tensorClass_.IsEmpty()) throw Error("ERR_NATIVE", "the class of tensors has not been registered");
  const Napi::Object object = tensorClass_.Value().New(std::initializer_list<napi_value>());
  auto handle = std::make_unique<TensorHandle>();
  handle->env = this;
  handle->self = wrapWithReference(object, kTensorTag, handle.get(), &Env::finalizeHandle);
  TensorHandle* owned = handle.release();  // the JavaScript object owns it from here on
  ++handles_;
  owned->tensor = std::move(tensor);
  link(*scopes_.back(), owned);
  ++live_;
  if (tracking_) origins_[owned] = {current == nullptr ? "" : current->name, jsStack()};
  return object;
}

TensorHandle* Env::unwrap(Napi::Value value) const {
  const auto found = mbconv::unwrap(value, kTensorTag);
  if (!found) return nullptr;
  // A disposed tensor has no handle any more, only its tag.
  return *found == nullptr ? const_cast<TensorHandle*>(&disposed_) : static_cast<TensorHandle*>(*found);
}

void Env::release(TensorHandle* handle) {
  if (!handle->tensor.defined()) return;
  unlink(handle);
  handle->tensor.reset();
  --live_;
  if (!origins_.empty()) origins_.erase(handle);
}

void Env::dispose(TensorHandle* handle) {
  if (!handle->tensor.defined()) return;
  release(handle);
  // Free the handle at once. Finalizers do not run inside a synchronous loop, and handles that wait for theirs would
  // pile up: 100 MB in 2,000 training steps. An object that is no longer wrapped has no finalizer. If the object has
  // been collected already, its finalizer waits for the event loop; deleting the reference cancels it (the destructor
  // of Node's RefTracker does so in every version that package.json admits).
  releaseWrap(js_, handle->self);
  forget(handle);
}

void Env::forget(TensorHandle* handle) {
  deleteReference(js_, handle->self);
  delete handle;
  --handles_;
}

void Env::keep(TensorHandle* handle) {
  unlink(handle);
  link(*scopes_.front(), handle);
}

void Env::enterScope() { scopes_.push_back(std::make_unique<Scope>()); }

void Env::exitScope(const std::vector<TensorHandle*>& survivors) {
  if (scopes_.size() < 2) throw Error("ERR_SCOPE", "no scope is open");
  Scope& scope = *scopes_.back();
  Scope& outer = *scopes_[scopes_.size() - 2];
  // A survivor may belong to an outer scope already, or to none. Move only those that this scope owns.
  std::unordered_set<TensorHandle*> wanted(survivors.begin(), survivors.end());
  for (TensorHandle* handle = scope.head.next; handle != &scope.head;) {
    TensorHandle* next = handle->next;
    if (wanted.count(handle) != 0) {
      unlink(handle);
      link(outer, handle);
    } else {
      dispose(handle);
    }
    handle = next;
  }
  scopes_.pop_back();
}

Env::Usage Env::usage(std::optional<c10::Device> device) const {
  std::unordered_set<const void*> seen;
  Usage usage;
  const auto count = [&](const at::Tensor& tensor) {
    // `cuda` without a number means all CUDA devices.
    if (device && (tensor.device().type() != device->type() || (device->has_index() && tensor.device() != *device)))
      return;
    ++usage.tensors;
    if (!tensor.has_storage()) return;
    const auto& storage = tensor.storage();
    if (seen.insert(storage.unsafeGetStorageImpl()).second) usage.bytes += storage.nbytes();
  };
  for (const auto& scope : scopes_) {
    for (const TensorHandle* handle = scope->head.next; handle != &scope->head; handle = handle->next)
      count(handle->tensor);
  }
  const std::lock_guard lock(saved->mutex);
  for (const auto& [owner, tensors] : saved->sources) {
    for (const at::Tensor& tensor : tensors()) count(tensor);
  }
  return usage;
}

std::vector<at::Tensor> Env::largestOn(c10::Device device, size_t count) const {
  std::unordered_set<const void*> seen;
  std::vector<at::Tensor> found;
  for (const auto& scope : scopes_) {
    for (const TensorHandle* handle = scope->head.next; handle != &scope->head; handle = handle->next) {
      const at::Tensor& tensor = handle->tensor;
      if (!tensor.has_storage() || tensor.device() != device) continue;
      if (seen.insert(tensor.storage().unsafeGetStorageImpl()).second) found.push_back(tensor);
    }
  }
  count = std::min(count, found.size());
  const auto larger = [](const at::Tensor& a, const at::Tensor& b) {
    return a.storage().nbytes() > b.storage().nbytes();
  };
  std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(count), found.end(), larger);
  found.resize(count);
  return found;
}

void Env::setTracking(bool on) {
  tracking_ = on;
  if (!on) origins_.clear();
}

std::vector<std::pair<at::Tensor, Env::Origin>> Env::liveWithOrigin() const {
  std::vector<std::pair<at::Tensor, Origin>> list;
  for (const auto& scope : scopes_) {
    for (const TensorHandle* handle = scope->head.next; handle != &scope->head; handle = handle->next) {
      const auto origin = origins_.find(handle);
      list.emplace_back(handle->tensor, origin == origins_.end() ? Origin{} : origin->second);
    }
  }
  return list;
}

// The stack of the running JavaScript, in the form of `new Error().stack`.
std::string Env::jsStack() const {
  const Napi::Value stack = Napi::Error::New(js_, "").Get("stack");
  return stack.IsString() ? stack.As<Napi::String>().Utf8Value() : "";
}

Op* Env::addOp(const char* name, std::vector<const char*> arguments) {
  ops_.push_back(std::make_unique<Op>(Op{this, name, std::move(arguments)}));
  return ops_.back().get();
}

void Env::link(Scope& scope, TensorHandle* handle) {
  handle->previous = scope.head.previous;
  handle->next = &scope.head;
  handle->previous->next = handle;
  scope.head.previous = handle;
}

void Env::unlink(TensorHandle* handle) {
  if (handle->next == nullptr) return;
  handle->previous->next = handle->next;
  handle->next->previous = handle->previous;
  handle->previous = handle->next = nullptr;
}

void Env::finalizeHandle(napi_env, void* data, void*) {
  auto* handle = static_cast<TensorHandle*>(data);
  Env* env = handle->env;
  env->release(handle);
  env->forget(handle);
  if (!*env->alive_ && env->handles_ == 0) delete env;
}

}  // namespace mbconv
