// Differentiable functions written in JavaScript.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function.h>

#include <mutex>

#include "autograd/js-callback.h"
#include "binding/bind.h"

namespace mbconv {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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
                               const c10::intrusive_ptr<JsCallback>& backward, bool zeros) {
    forward->checkThread("the forward of a JavaScript function");
    Env& env = forward->env();
    const Napi::HandleScope values(env.js());
    Result result = settingErrorsAside(env, [&] { return resultOf(env, forward->call({listOf(env, inputs)})); });
    remember(env, context, backward, inputs.size(), std::move(result.saved));
    context->set_materialize_grads(zeros);
    return std::move(result.outputs);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const Remembered remembered = recall(context);
    remembered.backward.checkThread("the backward of a JavaScript function");
    Env& env = remembered.backward.env();
    const Napi::HandleScope values(env.js());
    const Walking walking(env, torch::autograd::get_current_node().get());
    variable_list result = settingErrorsAside(env, [&] {
      const Lent saved(env, savedIn(context));
      const Napi::Value returned = remembered.backward.call({listOf(env, gradients), saved.list()});
      return gradientsOf(env, returned, remembered.inputs);
    });
    // One gradient for each argument of forward(). The three others have none.
    result.resize(remembered.inputs + 3);
    return result;
  }
};

// `zeros`: backward gets zeros for outputs to which no gradient came; otherwise null.
variable_list applyFunction(Env& env, Napi::Function forward, Napi::Function backward, std::vector<at::Tensor> inputs,
                            bool zeros) {
  return JsFunction::apply(at::TensorList(inputs), c10::make_intrusive<JsCallback>(env, forward),
                           c10::make_intrusive<JsCallback>(env, backward), zeros);
}

}  // namespace

void initCustomFunction(const Exports& exports) {
  bind<&applyFunction>(exports, "applyFunction", {"forward", "backward", "inputs", "zeros"});
}

}  // namespace mbconv
