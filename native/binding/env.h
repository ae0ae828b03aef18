// State of one JavaScript environment (the main thread or a worker), so that the addon loads in any number of workers
// at once. Only the CPU allocator and the tensors in transit between threads belong to the whole process.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>
#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "binding/report/warnings.h"

namespace mbconv {

class Env;

// The native side of a JavaScript Tensor, linked into the list of the scope that owns it. Disposing frees it. The
// JavaScript object keeps its tag, which still identifies it as a tensor.
struct TensorHandle {
  at::Tensor tensor;
  Env* env = nullptr;
  TensorHandle* previous = nullptr;
  TensorHandle* next = nullptr;
  napi_ref self = nullptr;  // weak, to the JavaScript object
};

// One exported function: its callback needs these to report errors.
struct Op {
  Env* env;
  const char* name;
  std::vector<const char*> arguments;
};

// Identifies our objects among everything else that JavaScript may pass.
inline constexpr napi_type_tag kTensorTag = {0x6d62636f6e765465, 0x6e736f7248616e64};

// The tensors that graphs hold for backward functions written in JavaScript: one function per owner lists them. A graph
// may be freed on another thread, and after the environment.
struct SavedTensors {
  std::mutex mutex;
  std::unordered_map<const void*, std::function<std::vector<at::Tensor>()>> sources;
};

class Env {
 public:
  explicit Env(Napi::Env env);
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  // Called when the environment ends. JavaScript may still hold handles then: they outlive this call, and so does the
  // Env.
  static void tearDown(Napi::Env, Env* env);

  Napi::Env js() const { return js_; }

  // The classes live in TypeScript (lib/tensor/core/tensor.ts, lib/errors/error.ts) and register themselves once.
  void registerTensorClass(Napi::Function tensorClass);
  void registerErrorClass(Napi::Function errorClass);
  Napi::Function errorClass() const { return errorClass_.Value(); }  // empty before it is registered

  // A new JavaScript Tensor, owned by the innermost scope. An undefined tensor becomes null.
  Napi::Value wrap(at::Tensor tensor);
  // The handle behind a JavaScript value. Null if the value is no Tensor of this addon; a handle without a tensor if
  // the Tensor has been disposed.
  TensorHandle* unwrap(Napi::Value value) const;

  // Keeps a JavaScript error while an ErrorSetAside that stands for it passes through C++.
  void setAside(const Napi::Error& error) { setAside_.emplace(error); }
  Napi::Error takeSetAside();

  // Frees the tensor and its handle. Does nothing if the tensor is disposed already.
  void dispose(TensorHandle* handle);
  // Takes the handle out of every scope: it lives until dispose().
  void keep(TensorHandle* handle);

  void enterScope();
  // Disposes the tensors that the innermost scope owns. `survivors` move to the scope around it.
  void exitScope(const std::vector<TensorHandle*>& survivors);
  size_t scopeDepth() const { return scopes_.size() - 1; }

  size_t liveTensors() const { return live_; }
  struct Usage {
    size_t tensors = 0;
    size_t bytes = 0;  // of the distinct storages behind them
  };
  // Counts the live handles and the tensors that graphs saved, on a device or on all devices.
  Usage usage(std::optional<c10::Device> device) const;
  // The live tensors with the largest storages on a device, largest first, one for each storage.
  std::vector<at::Tensor> largestOn(c10::Device device, size_t count) const;

  // Strict: a tensor made outside every scope is an error. Tracking: each tensor remembers the operation and the
  // JavaScript stack that made it, which makes every operation slower.
  void setStrict(bool on) { strict_ = on; }
  void setTracking(bool on);
  struct Origin {
    const char* op = "";
    std::string stack;
  };
  // Every live tensor with its origin, which is empty if the tensor was made before tracking.
  std::vector<std::pair<at::Tensor, Origin>> liveWithOrigin() const;
  // What libtorch warned of in the operation being called.
  Warnings warnings;
  // The operation being called: the origin of a tensor made now.
  const Op* current = nullptr;

  Op* addOp(const char* name, std::vector<const char*> arguments);
  const std::vector<std::unique_ptr<Op>>& ops() const { return ops_; }

  // The source of every random number that this environment draws on the CPU. libtorch's default generator belongs to
  // the process: two workers that drew from it would make both runs irreproducible.
  at::Generator generator;
  // The generator for a device: `generator` on the CPU, libtorch's own on a CUDA device.
  std::optional<at::Generator> generatorFor(at::Device device) const {
    return device.is_cpu() ? std::optional(generator) : std::nullopt;
  }

  // False once the environment has ended. For objects that may outlive it.
  std::shared_ptr<bool> alive() const { return alive_; }
  // True from the moment the environment begins to end, before any finalizer of that end runs.
  std::shared_ptr<bool> leaving() const { return leaving_; }

  // The tensors that graphs saved; usage() counts them.
  const std::shared_ptr<SavedTensors> saved = std::make_shared<SavedTensors>();
  // The nodes of graphs whose JavaScript backward is running, the innermost last.
  std::vector<const void*> walking;

  // c10::InferenceMode is a scope guard in C++; JavaScript enters and leaves it by calls.
  std::vector<std::unique_ptr<c10::InferenceMode>> inferenceModes;

 private:
  // Head of a circular list.
  struct Scope {
    TensorHandle head;
    Scope() { head.previous = head.next = &head; }
  };

  static void link(Scope& scope, TensorHandle* handle);
  static void unlink(TensorHandle* handle);
  std::string jsStack() const;
  void release(TensorHandle* handle);  // frees the tensor, not the handle
  void forget(TensorHandle* handle);   // frees the handle
  static void finalizeHandle(napi_env env, void* data, void* hint);
  ~Env();

  Napi::Env js_;
  Napi::FunctionReference tensorClass_;
  Napi::FunctionReference errorClass_;
  std::optional<Napi::Error> setAside_;
  std::vector<std::unique_ptr<Scope>> scopes_;  // [0] holds the tensors that no scope owns
  std::vector<std::unique_ptr<Op>> ops_;
  std::unordered_map<const TensorHandle*, Origin> origins_;
  bool strict_ = false;
  bool tracking_ = false;
  size_t live_ = 0;
  size_t handles_ = 0;
  TensorHandle disposed_;  // stands for every disposed tensor
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<bool> leaving_ = std::make_shared<bool>(false);
};

}  // namespace mbconv
