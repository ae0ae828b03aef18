// Gradients: what requires them, computing them, and the modes that switch recording off.
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/function.h>

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "binding/bind.h"

namespace mbconv {

namespace {

bool requiresGrad(const at::Tensor& tensor) { return tensor.requires_grad(); }
void setRequiresGrad(at::Tensor tensor, bool value) { tensor.set_requires_grad(value); }
bool isLeaf(const at::Tensor& tensor) { return tensor.is_leaf(); }
at::Tensor grad(const at::Tensor& tensor) { return tensor.grad(); }

void setGrad(at::Tensor tensor, std::optional<at::Tensor> gradient) {
  if (!gradient) {
    tensor.mutable_grad().reset();
    return;
  }
  if (!gradient->sizes().equals(tensor.sizes()))
    throw Error("ERR_SHAPE", "the gradient's shape must be the tensor's, got " + describe(*gradient));
  if (gradient->scalar_type() != tensor.scalar_type() || gradient->device() != tensor.device())
    throw Error("ERR_TYPE", "the gradient's dtype and device must be the tensor's, got " + describe(*gradient));
  tensor.mutable_grad() = *gradient;
}

// Called before every pass; a pass inside a JavaScript backward is a nested one. Refuses a pass that would reach a node
// being walked. Also refuses a pass nested too deep: libtorch would move it to another thread, where no JavaScript can
// run.
void checkNested(const Env& env, const std::vector<at::Tensor>& outputs) {
  if (env.walking.empty()) return;
  if (env.walking.size() > torch::autograd::MAX_DEPTH)
    throw Error("ERR_AUTOGRAD", "backward passes are nested more than " + std::to_string(torch::autograd::MAX_DEPTH) +
                                    " deep: recompute fewer levels inside each other");
  std::unordered_set<const torch::autograd::Node*> seen;
  std::vector<const torch::autograd::Node*> pending;
  const auto visit = [&](const torch::autograd::Node* node) {
    if (node != nullptr && seen.insert(node).second) pending.push_back(node);
  };
  for (const at::Tensor& output : outputs) visit(output.grad_fn().get());
  while (!pending.empty()) {
    const auto* node = pending.back();
    pending.pop_back();
    if (std::find(env.walking.begin(), env.walking.end(), node) != env.walking.end())
      throw Error("ERR_AUTOGRAD",
                  "this graph is being walked already: a backward function cannot start a pass through "
                  "the graph it belongs to");
    for (const auto& edge : node->next_edges()) visit(edge.function.get());
  }
}

// Engine::init_local_ready_queue is protected. A derived class can take a pointer to it and call through that.
struct Queue : torch::autograd::Engine {
  static void renew() {
    const auto init = &Queue::init_local_ready_queue;
    (torch::autograd::Engine::get_default_engine().*init)(std::make_shared<torch::autograd::ReadyQueue>());
  }
};

// A pass that fails leaves the nodes it did not reach in this thread's queue until the next pass, and with them the
// graph and its saved tensors. A Pass stands around every pass and frees these nodes at its end. A nested pass leaves
// that to the outermost one.
class Pass {
 public:
  explicit Pass(const Env& env) : outermost_(env.walking.empty()) {}
  ~Pass() {
    if (outermost_) Queue::renew();
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

 private:
  bool outermost_;
};

void backward(Env& env, std::vector<at::Tensor> outputs, std::vector<std::optional<at::Tensor>> gradients,
              std::optional<bool> retainGraph, bool createGraph) {
  checkNested(env, outputs);
  std::vector<at::Tensor> seeds;
  seeds.reserve(gradients.size());
  for (const auto& gradient : gradients) seeds.push_back(gradient.value_or(at::Tensor()));
  const Pass pass(env);
  torch::autograd::backward(outputs, seeds, retainGraph, createGraph);
}

std::vector<at::Tensor> gradients(Env& env, std::vector<at::Tensor> outputs, std::vector<at::Tensor> inputs,
                                  std::vector<std::optional<at::Tensor>> gradientsOut, std::optional<bool> retainGraph,
                                  bool createGraph, bool allowUnused) {
  checkNested(env, outputs);
  std::vector<at::Tensor> seeds;
  seeds.reserve(gradientsOut.size());
  for (const auto& gradient : gradientsOut) seeds.push_back(gradient.value_or(at::Tensor()));
  const Pass pass(env);
  return torch::autograd::grad(outputs, inputs, seeds, retainGraph, createGraph, allowUnused);
}

// Returns the mode before, for the caller to restore.
bool setGradEnabled(bool enabled) {
  const bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(enabled);
  return before;
}

bool isGradEnabled() { return at::GradMode::is_enabled(); }

void enterInferenceMode(Env& env) { env.inferenceModes.push_back(std::make_unique<c10::InferenceMode>(true)); }

void exitInferenceMode(Env& env) {
  if (env.inferenceModes.empty()) throw Error("ERR_SCOPE", "inference mode is not on");
  env.inferenceModes.pop_back();
}

}  // namespace

void initAutograd(const Exports& exports) {
  bind<&requiresGrad>(exports, "requiresGrad", {"tensor"});
  bind<&setRequiresGrad>(exports, "setRequiresGrad", {"tensor", "value"});
  bind<&isLeaf>(exports, "isLeaf", {"tensor"});
  bind<&grad>(exports, "grad", {"tensor"});
  bind<&setGrad>(exports, "setGrad", {"tensor", "gradient"});
  bind<&backward>(exports, "backward", {"outputs", "gradients", "retainGraph", "createGraph"});
  bind<&gradients>(exports, "gradients",
                   {"outputs", "inputs", "gradients", "retainGraph", "createGraph", "allowUnused"});
  bind<&setGradEnabled>(exports, "setGradEnabled", {"enabled"});
  bind<&isGradEnabled>(exports, "isGradEnabled", {});
  bind<&enterInferenceMode>(exports, "enterInferenceMode", {});
  bind<&exitInferenceMode>(exports, "exitInferenceMode", {});
}

}  // namespace mbconv
