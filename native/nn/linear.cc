// Layers that multiply by a matrix or pick its rows: linear, embedding.
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Optional = std::optional<Tensor>;

Tensor linear(const Tensor& input, const Tensor& weight, Optional bias) { return at::linear(input, weight, bias); }
// The row of the padding index takes no gradient.
Tensor embedding(const Tensor& weight, const Tensor& indices, std::optional<int64_t> paddingIndex) {
  return at::embedding(weight, indices, paddingIndex.value_or(-1));
}

}  // namespace

void initLinear(const Exports& exports) {
  bind<&linear>(exports, "linear", {"input", "weight", "bias"});
  bind<&embedding>(exports, "embedding", {"weight", "indices", "paddingIndex"});
}

}  // namespace mbconv
