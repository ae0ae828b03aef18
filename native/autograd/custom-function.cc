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

// Runs code inside libtorch's engine that may throw a JavaScript error. The environment keeps the error meanwhile.
template <class Body>
auto settingErrorsAside(Env& env, Body body) {
  try {
    return body();
  } catch (const Napi::Error& error) {
    env.setAside(error);
  }
  throw ErrorSetAside();
}

// A JavaScript function that the graph refers to. The graph may be freed on another thread, or after the environment
// has ended. The reference must not be deleted then; it is freed with the environment.
class JsCallback : public torch::CustomClassHolder {
 public:
  JsCallback(Env& env, Napi::Function function)
      : env_(env), alive_(env.alive()), thread_(std::this_thread::get_id()), function_(Napi::Persistent(function)) {}
  ~JsCallback() override {
    if (!*alive_ || thread_ != std::this_thread::get_id()) function_.SuppressDestruct();
  }
  JsCallback(const JsCallback&) = delete;
  JsCallback& operator=(const JsCallback&) = delete;

  Env& env() const { return env_; }

  // Calls it with lists of tensors.
  Napi::Value call(std::initializer_list<napi_value> lists) const { return function_.Value().Call(lists); }

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
  Napi::FunctionReference function_;
};

// Tensors that JavaScript may use during one call. They are disposed at its end, whatever scope they are in.
class Lent {
 public:
  [[gnu::noinline]] Lent(Env& env, const variable_list& tensors)
      : env_(env), list_(toJs(env, tensors).As<Napi::Array>()) {
    for (uint32_t i = 0; i < tensors.size(); ++i) elements_.push_back(list_.Get(i));
  }
  [[gnu::noinline]] ~Lent() {
    for (const Napi::Value& element : elements_) {
      if (TensorHandle* handle = env_.unwrap(element)) env_.dispose(handle);
    }
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  Napi::Array list() const { return list_; }

 private:
  Env& env_;
  Napi::Array list_;
  std::vector<Napi::Value> elements_;
};

// Counts the tensors that a node saves as the environment's memory, from its forward until the node is freed.
class SavedCount : public torch::CustomClassHolder {
 public:
  SavedCount(const Env& env, const AutogradContext* context) : saved_(env.saved) {
    const std::lock_guard lock(saved_->mutex);
    saved_->sources.emplace(this, [context] {
      try {
        return context->get_saved_variables();
      } catch (const c10::Error&) {
        return variable_list();  // a backward pass has freed it already
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

// libtorch locks a node while its JavaScript backward runs. A pass that reached the node again would wait forever.
class Walking {
 public:
  explicit Walking(Env& env) : env_(env) { env.walking.push_back(torch::autograd::get_current_node().get()); }
  ~Walking() { env_.walking.pop_back(); }
  Walking(const Walking&) = delete;
  Walking& operator=(const Walking&) = delete;

 private:
  Env& env_;
};

// The work that JsFunction does before and after it calls JavaScript. JavaScript may nest such functions, and each
// level keeps the frames of forward() and backward() on the stack. These helpers are not inlined, which keeps those
// frames small.
[[gnu::noinline]] Napi::Value listOf(Env& env, at::TensorList tensors) { return toJs(env, tensors.vec()); }

struct Result {
  variable_list outputs;
  variable_list saved;
};

[[gnu::noinline]] Result resultOf(Env& env, Napi::Value returned) {
  Op op{&env, "autogradFunction", {"forward"}};
  const auto pair = returned.As<Napi::Object>();
  variable_list saved = Arg<variable_list>::from(Site{op, 0}, pair.Get(1u));
  return {Arg<variable_list>::from(Site{op, 0}, pair.Get(0u)), std::move(saved)};
}

[[gnu::noinline]] void remember(Env& env, AutogradContext* context, const c10::intrusive_ptr<JsCallback>& backward,
                                size_t inputs, variable_list saved) {
  context->saved_data["backward"] = c10::IValue::make_capsule(backward);
  context->saved_data["inputs"] = static_cast<int64_t>(inputs);
  // The graph owns the saved tensors. They are freed with it, or by a backward pass that does not retain the graph.
  if (saved.empty()) return;
  context->save_for_backward(std::move(saved));
  context->saved_data["saved"] = c10::IValue::make_capsule(c10::make_intrusive<SavedCount>(env, context));
}

struct Remembered {
  c10::intrusive_ptr<torch::CustomClassHolder> capsule;
  const JsCallback& backward;
  size_t inputs;
};

[[gnu::noinline]] Remembered recall(AutogradContext* context) {
  const auto capsule = context->saved_data["backward"].toCapsule();
  return {capsule, dynamic_cast<JsCallback&>(*capsule), static_cast<size_t>(context->saved_data["inputs"].toInt())};
}

[[gnu::noinline]] variable_list savedIn(AutogradContext* context) {
  return context->saved_data.count("saved") != 0 ? context->get_saved_variables() : variable_list();
}

[[gnu::noinline]] variable_list gradientsOf(Env& env, Napi::Value returned, size_t inputs) {
  Op op{&env, "autogradFunction", {"backward"}};
  const auto list = Arg<std::vector<std::optional<at::Tensor>>>::from(Site{op, 0}, returned);
  if (list.size() != inputs)
    throw Error("ERR_SHAPE",
                "backward must return " + std::to_string(inputs) + " gradients, got " + std::to_string(list.size()));
  variable_list gradients;
  for (const auto& tensor : list) gradients.push_back(tensor.value_or(at::Tensor()));
  return gradients;
}

struct JsFunction : torch::autograd::Function<JsFunction> {
  static variable_list forward(AutogradContext* context, at::TensorList inputs,
                               const c10::intrusive_ptr<JsCallback>& forward,
                               const c10::intrusive_ptr<JsCallback>& backward) {
    forward->checkThread("forward");
    Env& env = forward->env();
    const Napi::HandleScope values(env.js());
    Result result = settingErrorsAside(env, [&] { return resultOf(env, forward->call({listOf(env, inputs)})); });
    remember(env, context, backward, inputs.size(), std::move(result.saved));
    return std::move(result.outputs);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Remembered remembered = recall(context);
    remembered.backward.checkThread("backward");
    Env& env = remembered.backward.env();
    const Napi::HandleScope values(env.js());
    const Walking walking(env);
    variable_list result = settingErrorsAside(env, [&] {
      const Lent saved(env, savedIn(context));
      const Napi::Value returned = remembered.backward.call({listOf(env, gradients), saved.list()});
      return gradientsOf(env, returned, remembered.inputs);
    });
    // One gradient for each argument of forward(). The two callbacks have none.
    result.resize(remembered.inputs + 2);
    return result;
  }
};

variable_list applyFunction(Env& env, Napi::Function forward, Napi::Function backward, std::vector<at::Tensor> inputs) {
  return JsFunction::apply(at::TensorList(inputs), c10::make_intrusive<JsCallback>(env, forward),
                           c10::make_intrusive<JsCallback>(env, backward));
}

}  // namespace

void initCustomFunction(const Exports& exports) {
  bind<&applyFunction>(exports, "applyFunction", {"forward", "backward", "inputs"});
}

}  // namespace mbconv
