// Layers that are neither convolution, pooling, normalisation nor activation: linear, embedding, attention, similarity.
#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/pairwise_distance.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Optional = std::optional<Tensor>;

Tensor linear(const Tensor& input, const Tensor& weight, Optional bias) { return at::linear(input, weight, bias); }
Tensor embedding(const Tensor& weight, const Tensor& indices) { return at::embedding(weight, indices); }

// Without dropout: libtorch would draw it from the process's generator.
Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value, Optional mask, bool causal,
                 std::optional<double> scale) {
  if (query.dim() < 2 || key.dim() < 2 || value.dim() < 2)
    throw Error("ERR_SHAPE", "query, key and value need at least two dimensions, [.., length, features]");
  if (mask && causal) throw Error("ERR_VALUE", "give either mask or causal");
  return at::scaled_dot_product_attention(query, key, value, mask, /*dropout_p=*/0, causal, scale);
}
Tensor cosineSimilarity(const Tensor& a, const Tensor& b, int64_t dim, double eps) {
  return at::cosine_similarity(a, b, dim, eps);
}
Tensor pairwiseDistance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) {
  return at::pairwise_distance(a, b, p, eps, keepdim);
}

}  // namespace

void initNn(const Exports& exports) {
  bind<&linear>(exports, "linear", {"input", "weight", "bias"});
  bind<&embedding>(exports, "embedding", {"weight", "indices"});
  bind<&attention>(exports, "scaledDotProductAttention", {"query", "key", "value", "mask", "causal", "scale"});
  bind<&cosineSimilarity>(exports, "cosineSimilarity", {"input", "other", "dim", "eps"});
  bind<&pairwiseDistance>(exports, "pairwiseDistance", {"input", "other", "p", "eps", "keepdim"});
}

}  // namespace mbconv
