// Losses.
#include <ATen/ops/binary_cross_entropy.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/nll_loss_nd.h>
#include <ATen/ops/smooth_l1_loss.h>

#include "bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Optional = std::optional<at::Tensor>;

// No reduction, mean or sum, as libtorch numbers them.
int64_t reduction(const std::string& name) {
  if (name == "none") return 0;
  if (name == "mean") return 1;
  if (name == "sum") return 2;
  throw Error("ERR_VALUE", "unknown reduction '" + name + "'; known: none, mean, sum");
}

Tensor crossEntropy(const Tensor& logits, const Tensor& target, Optional weight, std::string reduce,
                    int64_t ignoreIndex, double labelSmoothing) {
  return at::cross_entropy_loss(logits, target, weight, reduction(reduce), ignoreIndex, labelSmoothing);
}
Tensor nllLoss(const Tensor& input, const Tensor& target, Optional weight, std::string reduce, int64_t ignoreIndex) {
  return at::nll_loss_nd(input, target, weight, reduction(reduce), ignoreIndex);
}
Tensor bceWithLogits(const Tensor& input, const Tensor& target, Optional weight, Optional posWeight,
                     std::string reduce) {
  return at::binary_cross_entropy_with_logits(input, target, weight, posWeight, reduction(reduce));
}
Tensor binaryCrossEntropy(const Tensor& input, const Tensor& target, Optional weight, std::string reduce) {
  return at::binary_cross_entropy(input, target, weight, reduction(reduce));
}
Tensor mseLoss(const Tensor& input, const Tensor& target, std::string reduce) {
  return at::mse_loss(input, target, reduction(reduce));
}
Tensor l1Loss(const Tensor& input, const Tensor& target, std::string reduce) {
  return at::l1_loss(input, target, reduction(reduce));
}
Tensor smoothL1Loss(const Tensor& input, const Tensor& target, std::string reduce, double beta) {
  return at::smooth_l1_loss(input, target, reduction(reduce), beta);
}
Tensor huberLoss(const Tensor& input, const Tensor& target, std::string reduce, double delta) {
  return at::huber_loss(input, target, reduction(reduce), delta);
}
Tensor klDiv(const Tensor& input, const Tensor& target, std::string reduce, bool logTarget) {
  // "batchmean" divides the sum by the batch; the other words mean what they mean everywhere.
  if (reduce == "batchmean") return at::kl_div(input, target, reduction("sum"), logTarget).div(input.size(0));
  return at::kl_div(input, target, reduction(reduce), logTarget);
}

}  // namespace

void initLoss(const Exports& exports) {
  bind<&crossEntropy>(exports, "crossEntropy",
                      {"logits", "target", "weight", "reduction", "ignoreIndex", "labelSmoothing"});
  bind<&nllLoss>(exports, "nllLoss", {"input", "target", "weight", "reduction", "ignoreIndex"});
  bind<&bceWithLogits>(exports, "binaryCrossEntropyWithLogits",
                       {"input", "target", "weight", "posWeight", "reduction"});
  bind<&binaryCrossEntropy>(exports, "binaryCrossEntropy", {"input", "target", "weight", "reduction"});
  bind<&mseLoss>(exports, "mseLoss", {"input", "target", "reduction"});
  bind<&l1Loss>(exports, "l1Loss", {"input", "target", "reduction"});
  bind<&smoothL1Loss>(exports, "smoothL1Loss", {"input", "target", "reduction", "beta"});
  bind<&huberLoss>(exports, "huberLoss", {"input", "target", "reduction", "delta"});
  bind<&klDiv>(exports, "klDiv", {"input", "target", "reduction", "logTarget"});
}

}  // namespace mbconv
