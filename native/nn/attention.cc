// Scaled dot-product attention.
#include <ATen/ops/scaled_dot_product_attention.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Optional = std::optional<Tensor>;

// Without dropout: libtorch would draw it from the process's generator.
Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value, Optional mask, bool causal,
                 std::optional<double> scale) {
  if (query.dim() < 2 || key.dim() < 2 || value.dim() < 2)
    throw Error("ERR_SHAPE", "query, key and value need at least two dimensions, [.., length, features]");
  if (mask && causal) throw Error("ERR_VALUE", "give either mask or causal");
  return at::scaled_dot_product_attention(query, key, value, mask, /*dropout_p=*/0, causal, scale);
}

}  // namespace

void initAttention(const Exports& exports) {
  bind<&attention>(exports, "scaledDotProductAttention", {"query", "key", "value", "mask", "causal", "scale"});
}

}  // namespace mbconv
