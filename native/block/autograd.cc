#include "block/autograd.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "block/cpu/block.h"
#include "block/definition/composite.h"

namespace mbconv::block {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The arguments that may have gradients, in a fixed order.
template <class Block>
auto differentiable(Block& block) {
  return std::array{&block.input,
                    &block.expand,
                    &block.expandNorm.weight,
                    &block.expandNorm.bias,
                    &block.depthwise,
                    &block.depthwiseNorm.weight,
                    &block.depthwiseNorm.bias,
                    &block.squeeze,
                    &block.squeezeBias,
                    &block.excite,
                    &block.exciteBias,
                    &block.project,
                    &block.projectNorm.weight,
                    &block.projectNorm.bias,
                    &block.branchScale};
}
constexpr size_t kArguments = 15;

auto tensorsOf(cpu::Saved& saved) {
  return std::array{&saved.expanded, &saved.depthwise, &saved.projected, &saved.norms[0], &saved.norms[1],
                    &saved.norms[2], &saved.means,     &saved.squeezed,  &saved.gate};
}

// Kernels want weights without gaps.
Arguments packed(Arguments block) {
  for (at::Tensor* tensor : {&block.expand, &block.depthwise, &block.squeeze, &block.excite, &block.project})
    if (tensor->defined()) *tensor = tensor->contiguous();
  return block;
}

class BlockFunction : public torch::autograd::Function<BlockFunction> {
 public:
  // `tensors` are those of the differentiable arguments that there are: autograd wants to see them.
  static at::Tensor forward(AutogradContext* context, const Arguments& block, at::TensorList /*tensors*/) {
    cpu::Saved saved;
    at::Tensor output = cpu::forward(packed(block), saved);
    variable_list kept;
    for (const at::Tensor* tensor : differentiable(block)) kept.push_back(*tensor);
    for (const at::Tensor* tensor : tensorsOf(saved)) kept.push_back(*tensor);
    context->save_for_backward(std::move(kept));
    const Settings& settings = block.settings;
    context->saved_data["numbers"] = std::vector<int64_t>{
        settings.stride,
        settings.same,
        static_cast<int64_t>(settings.activation),
        static_cast<int64_t>(settings.squeezeActivation),
        static_cast<int64_t>(settings.gateActivation),
        settings.residual,
    };
    context->saved_data["eps"] = settings.eps;
    return output;
  }

  static variable_list backward(AutogradContext* context, variable_list outputs) {
    const variable_list kept = context->get_saved_variables();
    Arguments block;
    const auto arguments = differentiable(block);
    for (size_t i = 0; i < kArguments; ++i) *arguments[i] = kept[i];
    cpu::Saved saved;
    const auto maps = tensorsOf(saved);
    for (size_t i = 0; i < maps.size(); ++i) *maps[i] = kept[kArguments + i];
    const std::vector<int64_t> numbers = context->saved_data["numbers"].toIntVector();
    Settings& settings = block.settings;
    settings.stride = numbers[0];
    settings.same = numbers[1] != 0;
    settings.activation = static_cast<Activation>(numbers[2]);
    settings.squeezeActivation = static_cast<Activation>(numbers[3]);
    settings.gateActivation = static_cast<Activation>(numbers[4]);
    settings.residual = numbers[5] != 0;
    settings.eps = context->saved_data["eps"].toDouble();
    // Gradients of gradients: libtorch's operators compute the block once more.
    if (at::GradMode::is_enabled()) return differentiableBackward(block, outputs[0]);

    // The kernels read memory, which a lazily negated tensor has without its sign.
    const at::Tensor gradient = outputs[0].resolve_neg();
    cpu::Gradients gradients = cpu::backward(packed(block), saved, gradient, context->needs_input_grad(0));
    return toList(
        block, {gradients.input, gradients.expand, gradients.weights[0], gradients.biases[0], gradients.depthwise,
                gradients.weights[1], gradients.biases[1], gradients.squeeze, gradients.squeezeBias, gradients.excite,
                gradients.exciteBias, gradients.project, gradients.weights[2], gradients.biases[2], at::Tensor()});
  }

 private:
  // Of the arguments, in their order, as autograd wants it: nothing for the block itself and for missing tensors.
  static variable_list toList(const Arguments& block, const std::array<at::Tensor, kArguments>& gradients) {
    variable_list list = {at::Tensor()};
    const auto arguments = differentiable(block);
    for (size_t i = 0; i < kArguments; ++i)
      if (arguments[i]->defined()) list.push_back(gradients[i]);
    return list;
  }

  static variable_list differentiableBackward(const Arguments& block, const at::Tensor& gradient) {
    const at::Tensor output = composite(block);  // without running statistics: they have been updated
    variable_list inputs;
    for (const at::Tensor* tensor : differentiable(block))
      if (tensor->defined() && tensor->requires_grad()) inputs.push_back(*tensor);
    const variable_list found = torch::autograd::grad({output}, inputs, {gradient}, /*retain_graph=*/true,
                                                      /*create_graph=*/true, /*allow_unused=*/true);
    std::array<at::Tensor, kArguments> all;
    const auto arguments = differentiable(block);
    size_t next = 0;
    for (size_t i = 0; i < kArguments; ++i)
      if (arguments[i]->defined() && arguments[i]->requires_grad()) all[i] = found[next++];
    return toList(block, all);
  }
};

}  // namespace

at::Tensor native(const Arguments& block) {
  variable_list tensors;
  for (const at::Tensor* tensor : differentiable(block))
    if (tensor->defined()) tensors.push_back(*tensor);
  return BlockFunction::apply(block, at::TensorList(tensors));
}

}  // namespace mbconv::block
