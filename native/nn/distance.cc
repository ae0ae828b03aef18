// Distances of vectors: cosine similarity, pairwise distance.
#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/pairwise_distance.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

Tensor cosineSimilarity(const Tensor& a, const Tensor& b, int64_t dim, double eps) {
  return at::cosine_similarity(a, b, dim, eps);
}
Tensor pairwiseDistance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) {
  return at::pairwise_distance(a, b, p, eps, keepdim);
}

}  // namespace

void initDistance(const Exports& exports) {
  bind<&cosineSimilarity>(exports, "cosineSimilarity", {"input", "other", "dim", "eps"});
  bind<&pairwiseDistance>(exports, "pairwiseDistance", {"input", "other", "p", "eps", "keepdim"});
}

}  // namespace mbconv
