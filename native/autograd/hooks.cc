// Hooks of tensors: JavaScript functions that see, and may replace, a tensor's gradient during a backward pass.
#include <torch/csrc/autograd/cpp_hook.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <mutex>

#include "autograd/js-callback.h"
#include "binding/bind.h"
#include "binding/handle.h"

namespace mbconv {

// The C++ hooks of a tensor, or of the operation that gave it its value. A removed one is empty.
using Slots = torch::autograd::hooks_list;

// A registered hook. The graph and the JavaScript handle share it; removing it frees the JavaScript function.
class TensorHook {
 public:
  TensorHook(Env& env, const at::Tensor& tensor, Napi::Function function)
      : callback_(c10::make_intrusive<JsCallback>(env, function)),
        tensor_(tensor.getIntrusivePtr()),
        node_(tensor.grad_fn().get()) {}

  // The replacement of the gradient; undefined to leave it. No gradient comes to an output that the loss does not use.
  at::Tensor run(const at::Tensor& gradient) const {
    if (!gradient.defined()) return {};
    const auto callback = this->callback();
    if (!callback) return {};
    callback->checkThread("a tensor's hook");
    Env& env = callback->env();
    const Napi::HandleScope values(env.js());
    const Walking walking(env, node());
    return settingErrorsAside(env, [&] { return replacement(env, callback->call({toJs(env, gradient)}), gradient); });
  }

  // Records the slot that calls this hook.
  void occupies(const std::shared_ptr<Slots>& slots, size_t position) {
    slots_ = slots;
    position_ = position;
  }

  // Empties the slot, so that it costs later backward passes nothing. Another hook may use its position afterwards.
  void remove() {
    const std::lock_guard lock(mutex_);
    callback_.reset();
    if (const auto slots = slots_.lock()) slots->at(position_) = nullptr;
    slots_.reset();
  }

 private:
  c10::intrusive_ptr<JsCallback> callback() const {
    const std::lock_guard lock(mutex_);
    return callback_;
  }

  // The node that receives the gradient. That of a leaf lasts only as long as graphs refer to it.
  const void* node() const {
    if (node_ != nullptr) return node_;
    const auto impl = tensor_.lock();
    if (!impl) return nullptr;
    return torch::autograd::impl::try_get_grad_accumulator(at::Tensor(impl)).get();
  }

  static at::Tensor replacement(Env& env, Napi::Value returned, const at::Tensor& gradient) {
    if (isNullish(returned)) return {};
    Op op{&env, "registerHook", {"what a hook returns"}};
    at::Tensor given = Arg<at::Tensor>::from(Site{op, 0}, returned);
    if (!given.sizes().equals(gradient.sizes()))
      throw Error("ERR_SHAPE", "a hook must return a gradient of the same shape, got " + describe(given) + " for " +
                                   describe(gradient));
    if (given.scalar_type() != gradient.scalar_type() || given.device() != gradient.device())
      throw Error("ERR_TYPE", "a hook must return a gradient of the same dtype and device, got " + describe(given) +
                                  " for " + describe(gradient));
    return given;
  }

  mutable std::mutex mutex_;
  c10::intrusive_ptr<JsCallback> callback_;
  // Weak: the tensor owns the hook.
  c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> tensor_;
  const void* node_;
  // Weak: a slot owns the hook. The tensor has other slots once an operation in place has changed it.
  std::weak_ptr<Slots> slots_;
  size_t position_ = 0;
};

template <>
struct HandleKind<TensorHook> {
  static constexpr napi_type_tag tag = {0x6d62636f6e765465, 0x6e736f72486f6f6b};
  static constexpr const char* name = "a tensor's hook";
};

namespace {

std::shared_ptr<TensorHook> registerHook(Env& env, const at::Tensor& tensor, Napi::Function hook) {
  if (!tensor.requires_grad()) throw Error("ERR_AUTOGRAD", "the tensor does not require a gradient");
  const auto registered = std::make_shared<TensorHook>(env, tensor, hook);
  const auto call = [registered](const at::Tensor& gradient) {
    // A hook that removes itself destroys this function, and with it `registered`.
    const auto running = registered;  // NOLINT(performance-unnecessary-copy-initialization)
    return running->run(gradient);
  };
  const auto slots = [&] { return torch::autograd::impl::materialize_autograd_meta(tensor)->cpp_hooks_list_; };
  // Hooks run in the order of their slots, so an empty slot can be taken again if only empty ones follow. It is not
  // erased: libtorch may be going through the slots.
  const auto present = slots();
  size_t position = present ? present->size() : 0;
  while (position > 0 && !(*present)[position - 1]) position--;
  if (present && position < present->size())
    (*present)[position] = [call](const at::TensorBase& gradient) -> at::TensorBase {
      return call(at::Tensor(gradient));
    };
  else
    position = tensor.register_hook(call);
  registered->occupies(slots(), position);
  return registered;
}

void removeHook(std::shared_ptr<TensorHook> hook) { hook->remove(); }

void retainGrad(const at::Tensor& tensor) {
  if (!tensor.requires_grad()) throw Error("ERR_AUTOGRAD", "the tensor does not require a gradient");
  tensor.retain_grad();
}
bool retainsGrad(const at::Tensor& tensor) { return tensor.retains_grad(); }

}  // namespace

void initHooks(const Exports& exports) {
  bind<&registerHook>(exports, "registerHook", {"tensor", "hook"});
  bind<&removeHook>(exports, "removeHook", {"hook"});
  bind<&retainGrad>(exports, "retainGrad", {"tensor"});
  bind<&retainsGrad>(exports, "retainsGrad", {"tensor"});
}

}  // namespace mbconv
