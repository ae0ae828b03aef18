// Differentiable functions written in JavaScript.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <thread>

#include "bind.h"

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

  // Calls it with tensors; what it returns must be as many tensors or nulls as `wanted` (any number when 0).
  variable_list call(const variable_list& arguments, const char* role, size_t wanted) const {
    if (!*alive_ || thread_ != std::this_thread::get_id())
      throw Error("ERR_NOT_IMPLEMENTED",
                  std::string("the ") + role + " of a JavaScript function can only run on the thread it was made on");
    napi_env js = env_.js();
    napi_handle_scope scope;
    check(napi_open_handle_scope(js, &scope));
    try {
      napi_value function, undefined, result;
      check(napi_get_reference_value(js, reference_, &function));
      check(napi_get_undefined(js, &undefined));
      napi_value list = toJs(env_, arguments);
      // On failure the JavaScript exception is pending; it stays so while C++ unwinds to the guard.
      check(napi_call_function(js, undefined, function, 1, &list, &result));
      Op op{&env_, "autogradFunction", {role}};
      const auto returned = Arg<std::vector<std::optional<at::Tensor>>>::from(Site{op, 0}, result);
      if (wanted != 0 && returned.size() != wanted)
        throw Error("ERR_SHAPE", std::string(role) + " must return " + std::to_string(wanted) + " gradients, got " +
                                     std::to_string(returned.size()));
      variable_list tensors;
      for (const auto& tensor : returned) tensors.push_back(tensor.value_or(at::Tensor()));
      napi_close_handle_scope(js, scope);
      return tensors;
    } catch (...) {
      napi_close_handle_scope(js, scope);
      throw;
    }
  }

 private:
  Env& env_;
  std::shared_ptr<bool> alive_;
  std::thread::id thread_;
  napi_ref reference_ = nullptr;
};

struct JsFunction : torch::autograd::Function<JsFunction> {
  static variable_list forward(AutogradContext* context, at::TensorList inputs,
                               const c10::intrusive_ptr<JsCallback>& forward,
                               const c10::intrusive_ptr<JsCallback>& backward) {
    context->saved_data["backward"] = c10::IValue::make_capsule(backward);
    context->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    return forward->call(inputs.vec(), "forward", 0);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto capsule = context->saved_data["backward"].toCapsule();
    const auto inputs = static_cast<size_t>(context->saved_data["inputs"].toInt());
    variable_list result = dynamic_cast<JsCallback&>(*capsule).call(gradients, "backward", inputs);
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
