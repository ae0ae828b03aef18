// Differentiable functions written in JavaScript.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function.h>
#include <torch/custom_class.h>

#include <initializer_list>
#include <memory>
#include <mutex>
#include <thread>

#include "binding/bind.h"

namespace mbconv {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A JavaScript function that the graph holds on to. The graph may be freed on another thread, or after the environment:
// then the reference is left to the environment's own end.
class JsCallback : public torch::CustomClassHolder {
 public:
  JsCallback(Env& env, napi_value function) : env_(env), alive_(env.alive()), thread_(std::this_thread::get_id()) {
    check(napi_create_reference(env.js(), function, 1, &reference_));
  }
  ~JsCallback() override {
    if (*alive_ && thread_ == std::this_thread::get_id()) napi_delete_reference(env_.js(), reference_);
  }
  JsCallback(const JsCallback&) = delete;
  JsCallback& operator=(const JsCallback&) = delete;

  Env& env() const { return env_; }

  // Calls it with lists of tensors; `take` converts what it returns.
  template <class Take>
  auto call(std::initializer_list<napi_value> lists, const char* role, Take take) const {
    napi_env js = env_.js();
    napi_value function, undefined, result;
    check(napi_get_reference_value(js, reference_, &function));
    check(napi_get_undefined(js, &undefined));
    // On failure the JavaScript exception is pending; it stays so while C++ unwinds to the guard.
    check(napi_call_function(js, undefined, function, lists.size(), lists.begin(), &result));
    Op op{&env_, "autogradFunction", {role}};
    return take(Site{op, 0}, result);
  }

  // JavaScript runs on its own thread only.
  void checkThread(const char* role) const {
    if (!*alive_ || thread_ != std::this_thread::get_id())
      throw Error("ERR_NOT_IMPLEMENTED",
                  std::string("the ") + role + " of a JavaScript function can only run on the thread it was made on");
  }

 private:
  Env& env_;
  std::shared_ptr<bool> alive_;
  std::thread::id thread_;
  napi_ref reference_ = nullptr;
};

// A handle scope for as long as C++ works with JavaScript values.
class Values {
 public:
  explicit Values(napi_env js) : js_(js) { check(napi_open_handle_scope(js, &scope_)); }
  ~Values() { napi_close_handle_scope(js_, scope_); }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;

 private:
  napi_env js_;
  napi_handle_scope scope_ = nullptr;
};

// Tensors that JavaScript has for the time of one call: they are disposed at its end, whatever their scope.
class Lent {
 public:
  Lent(Env& env, const variable_list& tensors) : env_(env), list_(toJs(env, tensors)), elements_(tensors.size()) {
    for (uint32_t i = 0; i < elements_.size(); ++i) check(napi_get_element(env.js(), list_, i, &elements_[i]));
  }
  ~Lent() {
    // Nothing can be unwrapped while an exception is pending.
    bool thrown = false;
    napi_value exception = nullptr;
    if (napi_is_exception_pending(env_.js(), &thrown) == napi_ok && thrown)
      napi_get_and_clear_last_exception(env_.js(), &exception);
    for (napi_value element : elements_) {
      if (TensorHandle* handle = env_.unwrap(element)) env_.dispose(handle);
    }
    if (exception != nullptr) napi_throw(env_.js(), exception);
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  napi_value list() const { return list_; }

 private:
  Env& env_;
  napi_value list_;
  std::vector<napi_value> elements_;
};

// Counts what a node saved among the environment's memory, from forward until the node is gone.
class SavedCount : public torch::CustomClassHolder {
 public:
  SavedCount(const Env& env, const AutogradContext* context) : saved_(env.saved) {
    const std::lock_guard lock(saved_->mutex);
    saved_->sources.emplace(this, [context] {
      try {
        return context->get_saved_variables();
      } catch (const c10::Error&) {
        return variable_list();  // freed by a backward pass already
      }
    });
  }
  ~SavedCount() override {
    const std::lock_guard lock(saved_->mutex);
    saved_->sources.erase(this);
  }
  SavedCount(const SavedCount&) = delete;
  SavedCount& operator=(const SavedCount&) = delete;

 private:
  std::shared_ptr<SavedTensors> saved_;
};

// While a JavaScript backward runs its node is locked: a pass that came to it again would wait for ever.
class Walking {
 public:
  explicit Walking(Env& env) : env_(env) { env.walking.push_back(torch::autograd::get_current_node().get()); }
  ~Walking() { env_.walking.pop_back(); }
  Walking(const Walking&) = delete;
  Walking& operator=(const Walking&) = delete;

 private:
  Env& env_;
};

struct JsFunction : torch::autograd::Function<JsFunction> {
  static variable_list forward(AutogradContext* context, at::TensorList inputs,
                               const c10::intrusive_ptr<JsCallback>& forward,
                               const c10::intrusive_ptr<JsCallback>& backward) {
    forward->checkThread("forward");
    Env& env = forward->env();
    const Values values(env.js());
    variable_list saved;
    variable_list outputs = forward->call({toJs(env, inputs.vec())}, "forward", [&](const Site& site, napi_value pair) {
      napi_value element;
      check(napi_get_element(env.js(), pair, 1, &element));
      saved = Arg<variable_list>::from(site, element);
      check(napi_get_element(env.js(), pair, 0, &element));
      return Arg<variable_list>::from(site, element);
    });
    context->saved_data["backward"] = c10::IValue::make_capsule(backward);
    context->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    // The graph owns them: they are freed with it, and by a backward pass that does not retain it.
    if (!saved.empty()) {
      context->save_for_backward(std::move(saved));
      context->saved_data["saved"] = c10::IValue::make_capsule(c10::make_intrusive<SavedCount>(env, context));
    }
    return outputs;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto capsule = context->saved_data["backward"].toCapsule();
    const auto inputs = static_cast<size_t>(context->saved_data["inputs"].toInt());
    const auto& callback = dynamic_cast<JsCallback&>(*capsule);
    callback.checkThread("backward");
    Env& env = callback.env();
    const Values values(env.js());
    const Walking walking(env);
    const bool saves = context->saved_data.count("saved") != 0;
    const Lent saved(env, saves ? context->get_saved_variables() : variable_list());
    const auto take = [&](const Site& site, napi_value value) {
      const auto returned = Arg<std::vector<std::optional<at::Tensor>>>::from(site, value);
      if (returned.size() != inputs)
        throw Error("ERR_SHAPE", "backward must return " + std::to_string(inputs) + " gradients, got " +
                                     std::to_string(returned.size()));
      variable_list result;
      for (const auto& tensor : returned) result.push_back(tensor.value_or(at::Tensor()));
      return result;
    };
    variable_list result = callback.call({toJs(env, gradients), saved.list()}, "backward", take);
    // The callbacks are no variables of the graph: nothing flows back to them.
    result.resize(inputs + 2);
    return result;
  }
};

JsValue applyFunction(Env& env, JsValue forward, JsValue backward, std::vector<at::Tensor> inputs) {
  for (const JsValue& function : {forward, backward}) {
    napi_valuetype type;
    check(napi_typeof(env.js(), function.value, &type));
    if (type != napi_function) throw Error("ERR_TYPE", "forward and backward must be functions");
  }
  const auto outputs = JsFunction::apply(at::TensorList(inputs), c10::make_intrusive<JsCallback>(env, forward.value),
                                         c10::make_intrusive<JsCallback>(env, backward.value));
  return {toJs(env, outputs)};
}

}  // namespace

void initFunction(const Exports& exports) {
  bind<&applyFunction>(exports, "applyFunction", {"forward", "backward", "inputs"});
}

}  // namespace mbconv
