#include "binding/env.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <unordered_set>

#include "binding/error.h"

namespace mbconv {

Env::Env(napi_env env) : generator(at::detail::createCPUGenerator()), js_(env) {
  generator.seed();
  scopes_.push_back(std::make_unique<Scope>());
  const auto leave = [](void* data) {
    std::unique_ptr<std::shared_ptr<bool>> leaving(static_cast<std::shared_ptr<bool>*>(data));
    **leaving = true;
  };
  napi_add_env_cleanup_hook(env, leave, new std::shared_ptr<bool>(leaving_));
}

Env::~Env() = default;

Env& Env::of(napi_env env) {
  void* data = nullptr;
  check(napi_get_instance_data(env, &data));
  return *static_cast<Env*>(data);
}

void Env::tearDown(Env* env) {
  *env->alive_ = false;
  env->inferenceModes.clear();
  for (auto& scope : env->scopes_) {
    while (scope->head.next != &scope->head) env->release(scope->head.next);
  }
  // Finalizers of the remaining JavaScript objects may run after this one; the last of them deletes the Env.
  if (env->handles_ == 0) delete env;
}

void Env::registerTensorClass(napi_value tensorClass) {
  check(napi_create_reference(js_, tensorClass, 1, &tensorClass_));
}

void Env::registerErrorClass(napi_value errorClass) {
  check(napi_create_reference(js_, errorClass, 1, &errorClass_));
}

napi_value Env::errorClass() const {
  napi_value value = nullptr;
  if (errorClass_ != nullptr) napi_get_reference_value(js_, errorClass_, &value);
  return value;
}

napi_value Env::wrap(at::Tensor tensor) {
  napi_value object;
  if (!tensor.defined()) {
    check(napi_get_null(js_, &object));
    return object;
  }
  if (strict_ && scopes_.size() == 1)
    throw Error("ERR_SCOPE", "a tensor was made outside any scope, which strict mode forbids");
  napi_value constructor;
  check(napi_get_reference_value(js_, tensorClass_, &constructor));
  check(napi_new_instance(js_, constructor, 0, nullptr, &object));
  auto handle = std::make_unique<TensorHandle>();
  handle->env = this;
  check(napi_wrap(js_, object, handle.get(), &Env::finalizeHandle, nullptr, &handle->self));
  TensorHandle* owned = handle.release();  // the JavaScript object owns it from here on
  ++handles_;
  check(napi_type_tag_object(js_, object, &kTensorTag));
  owned->tensor = std::move(tensor);
  link(*scopes_.back(), owned);
  ++live_;
  if (tracking_) origins_[owned] = {current == nullptr ? "" : current->name, jsStack()};
  return object;
}

TensorHandle* Env::unwrap(napi_value value) const {
  // Asking a primitive for its tag would leave a JavaScript exception pending.
  napi_valuetype type;
  if (napi_typeof(js_, value, &type) != napi_ok || type != napi_object) return nullptr;
  bool ours = false;
  if (napi_check_object_type_tag(js_, value, &kTensorTag, &ours) != napi_ok || !ours) return nullptr;
  void* data = nullptr;
  // A disposed tensor has no handle any more, only its tag.
  if (napi_unwrap(js_, value, &data) != napi_ok) return const_cast<TensorHandle*>(&disposed_);
  return static_cast<TensorHandle*>(data);
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
  // Finalizers do not run inside a synchronous loop: a handle that waited for its own would stay, and 2,000 training
  // steps would leave 100 MB of them. An object without its wrap needs none, and an object that has been collected
  // already has its finalizer waiting for the event loop, from where deleting the reference takes it back
  // (Node's RefTracker does that in its destructor, in every version that package.json admits).
  napi_handle_scope scope;
  check(napi_open_handle_scope(js_, &scope));
  napi_value object = nullptr;
  if (napi_get_reference_value(js_, handle->self, &object) == napi_ok && object != nullptr) {
    void* data;
    napi_remove_wrap(js_, object, &data);
  }
  napi_close_handle_scope(js_, scope);
  forget(handle);
}

void Env::forget(TensorHandle* handle) {
  napi_delete_reference(js_, handle->self);
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
  // A survivor may belong to an outer scope already, or to none; only what this scope owns moves.
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
    // `cuda` without a number means all of them.
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

// The stack of the JavaScript that is running, as `new Error().stack` has it.
std::string Env::jsStack() const {
  napi_value message, error, stack;
  size_t length = 0;
  if (napi_create_string_utf8(js_, "", 0, &message) != napi_ok ||
      napi_create_error(js_, nullptr, message, &error) != napi_ok ||
      napi_get_named_property(js_, error, "stack", &stack) != napi_ok ||
      napi_get_value_string_utf8(js_, stack, nullptr, 0, &length) != napi_ok)
    return "";
  std::string text(length, '\0');
  napi_get_value_string_utf8(js_, stack, text.data(), length + 1, &length);
  return text;
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
