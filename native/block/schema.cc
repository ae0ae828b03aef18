// mbconv::block: its schema, and which implementation a call gets.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <mutex>

#include "binding/bind.h"
#include "block/autograd.h"
#include "block/definition/check.h"
#include "block/definition/composite.h"

namespace mbconv {

namespace block {

namespace {

// The statistics of the batch normalize; the running ones are updated. `backend`: native computes with kernels of this
// package or refuses, composite computes with libtorch's operators, auto prefers the kernels.
constexpr const char* kSchema =
    "block(Tensor input, Tensor? expand, Tensor? expand_weight, Tensor? expand_bias, Tensor(a!)? expand_mean, "
    "Tensor(b!)? expand_var, Tensor depthwise, Tensor depthwise_weight, Tensor depthwise_bias, "
    "Tensor(c!)? depthwise_mean, Tensor(d!)? depthwise_var, Tensor? squeeze, Tensor? squeeze_bias, Tensor? excite, "
    "Tensor? excite_bias, Tensor project, Tensor project_weight, Tensor project_bias, Tensor(e!)? project_mean, "
    "Tensor(f!)? project_var, Tensor? branch_scale=None, *, int stride=1, str padding='symmetric', "
    "str activation='silu', str squeeze_activation='silu', str gate='sigmoid', bool residual=False, float eps=1e-05, "
    "float momentum=0.1, str backend='auto') -> Tensor";

// Takes the arguments off a stack in the schema's order.
class Reader {
 public:
  Reader(const torch::jit::Stack& stack, size_t arguments) : values_(torch::jit::last(stack, arguments)) {}

  at::Tensor tensor() {
    const c10::IValue& value = values_[next_++];
    return value.isNone() ? at::Tensor() : value.toTensor();
  }
  Norm norm() {
    Norm norm;
    norm.weight = tensor();
    norm.bias = tensor();
    norm.mean = tensor();
    norm.var = tensor();
    return norm;
  }
  int64_t integer() { return values_[next_++].toInt(); }
  double number() { return values_[next_++].toDouble(); }
  bool flag() { return values_[next_++].toBool(); }
  // One of some words, as the value beside it.
  template <class Value>
  Value word(const char* name, std::initializer_list<std::pair<const char*, Value>> words) {
    const std::string& given = values_[next_++].toStringRef();
    std::string known;
    for (const auto& [word, value] : words) {
      if (given == word) return value;
      known += (known.empty() ? "" : ", ") + std::string(word);
    }
    throw Error("ERR_VALUE", std::string(name) + " must be one of " + known + ", got '" + given + "'");
  }

 private:
  at::ArrayRef<c10::IValue> values_;
  size_t next_ = 0;
};

enum class Backend { any, native, composite };

void run(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const size_t count = op.schema().arguments().size();
  at::Tensor output;
  {
    Reader reader(*stack, count);
    Arguments block;
    block.input = reader.tensor();
    block.expand = reader.tensor();
    block.expandNorm = reader.norm();
    block.depthwise = reader.tensor();
    block.depthwiseNorm = reader.norm();
    block.squeeze = reader.tensor();
    block.squeezeBias = reader.tensor();
    block.excite = reader.tensor();
    block.exciteBias = reader.tensor();
    block.project = reader.tensor();
    block.projectNorm = reader.norm();
    block.branchScale = reader.tensor();
    Settings& settings = block.settings;
    settings.stride = reader.integer();
    settings.same = reader.word<bool>("padding", {{"symmetric", false}, {"same", true}});
    settings.activation = reader.word<Activation>("activation", {{"silu", Activation::silu},
                                                                 {"relu", Activation::relu},
                                                                 {"relu6", Activation::relu6},
                                                                 {"hardswish", Activation::hardswish}});
    settings.squeezeActivation =
        reader.word<Activation>("squeeze_activation", {{"silu", Activation::silu}, {"relu", Activation::relu}});
    settings.gateActivation =
        reader.word<Activation>("gate", {{"sigmoid", Activation::sigmoid}, {"hardsigmoid", Activation::hardsigmoid}});
    settings.residual = reader.flag();
    settings.eps = reader.number();
    settings.momentum = reader.number();
    const Backend backend = reader.word<Backend>(
        "backend", {{"auto", Backend::any}, {"native", Backend::native}, {"composite", Backend::composite}});
    check(block);
    const std::string reason = backend == Backend::composite ? "" : unsupported(block);
    if (backend == Backend::native && !reason.empty()) throw Error("ERR_NOT_IMPLEMENTED", "the block " + reason);
    output = backend == Backend::composite || !reason.empty() ? composite(block) : native(block);
  }
  torch::jit::drop(*stack, count);
  torch::jit::push(*stack, std::move(output));
}

}  // namespace

}  // namespace block

// Once in a process, whose threads share the dispatcher. Another copy of the addon may have come first: then its
// operator serves this one too.
void initBlock(const Exports& exports) {
  static std::once_flag once;
  std::call_once(once, [] {
    if (c10::Dispatcher::singleton().findSchema({"mbconv::block", ""})) return;
    // Never destroyed: libtorch's dispatcher may end first.
    static auto* library = new torch::Library(torch::Library::FRAGMENT, "mbconv", std::nullopt, __FILE__, __LINE__);
    library->def(block::kSchema);
    library->impl("block", torch::dispatch(c10::DispatchKey::CompositeImplicitAutograd,
                                           torch::CppFunction::makeFromBoxedFunction<&block::run>()));
  });
}

}  // namespace mbconv
