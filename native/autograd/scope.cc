// Scopes: who disposes a tensor, and how many there are.
#include "binding/bind.h"

namespace mbconv {

namespace {

// Takes survivors as JavaScript values, so that a disposed one is skipped and not an error.
void exitScope(Env& env, std::vector<Napi::Value> survivors) {
  std::vector<TensorHandle*> handles;
  handles.reserve(survivors.size());
  for (const Napi::Value& survivor : survivors) {
    if (TensorHandle* handle = env.unwrap(survivor)) handles.push_back(handle);
  }
  env.exitScope(handles);
}

TensorHandle& handleOf(Env& env, Napi::Value value) {
  TensorHandle* handle = env.unwrap(value);
  if (handle == nullptr) throw Error("ERR_TYPE", "tensor must be a Tensor, got " + describe(env, value));
  return *handle;
}

void keep(Env& env, Napi::Value tensor) {
  TensorHandle& handle = handleOf(env, tensor);
  if (!handle.tensor.defined()) throw Error("ERR_DISPOSED", "tensor has been disposed");
  env.keep(&handle);
}

void enterScope(Env& env) { env.enterScope(); }
int64_t scopeDepth(Env& env) { return static_cast<int64_t>(env.scopeDepth()); }
void dispose(Env& env, Napi::Value tensor) { env.dispose(&handleOf(env, tensor)); }
bool isDisposed(Env& env, Napi::Value tensor) { return !handleOf(env, tensor).tensor.defined(); }
bool isTensor(Env& env, Napi::Value value) { return env.unwrap(value) != nullptr; }
int64_t liveTensors(Env& env) { return static_cast<int64_t>(env.liveTensors()); }

// [number of tensors, bytes of their distinct memory] on a device, or on all devices.
std::vector<int64_t> memoryUsage(Env& env, std::optional<at::Device> device) {
  const Env::Usage usage = env.usage(device);
  return {static_cast<int64_t>(usage.tensors), static_cast<int64_t>(usage.bytes)};
}

void setStrict(Env& env, bool on) { env.setStrict(on); }
void setTracking(Env& env, bool on) { env.setTracking(on); }

// For each live tensor: dtype, shape, device, bytes of its memory, the operation that made it, the JavaScript stack.
using LiveTensor = std::tuple<std::string, std::vector<int64_t>, std::string, int64_t, std::string, std::string>;
std::vector<LiveTensor> liveTensorList(Env& env) {
  std::vector<LiveTensor> list;
  for (const auto& [tensor, origin] : env.liveWithOrigin()) {
    const auto bytes = tensor.has_storage() ? static_cast<int64_t>(tensor.storage().nbytes()) : 0;
    list.emplace_back(dtypeName(tensor.scalar_type()), tensor.sizes().vec(), tensor.device().str(), bytes, origin.op,
                      origin.stack);
  }
  return list;
}

}  // namespace

void initScope(const Exports& exports) {
  bind<&enterScope>(exports, "enterScope", {});
  bind<&exitScope>(exports, "exitScope", {"survivors"});
  bind<&scopeDepth>(exports, "scopeDepth", {});
  bind<&keep>(exports, "keep", {"tensor"});
  bind<&dispose>(exports, "dispose", {"tensor"});
  bind<&isDisposed>(exports, "isDisposed", {"tensor"});
  bind<&isTensor>(exports, "isTensor", {"value"});
  bind<&liveTensors>(exports, "liveTensors", {});
  bind<&setStrict>(exports, "setStrict", {"on"});
  bind<&setTracking>(exports, "setTracking", {"on"});
  bind<&liveTensorList>(exports, "liveTensorList", {});
  bind<&memoryUsage>(exports, "memoryUsage", {"device"});
}

}  // namespace mbconv
