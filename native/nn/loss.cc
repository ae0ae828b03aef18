// Losses.
#include <ATen/ops/aminmax.h>
#include <ATen/ops/binary_cross_entropy.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cosine_embedding_loss.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/ctc_loss.h>
#include <ATen/ops/hinge_embedding_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/margin_ranking_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/multi_margin_loss.h>
#include <ATen/ops/nll_loss_nd.h>
#include <ATen/ops/poisson_nll_loss.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <ATen/ops/soft_margin_loss.h>
#include <ATen/ops/triplet_margin_loss.h>

#include "binding/bind.h"

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

// libtorch broadcasts where torch.nn.functional throws: it would return the mean over all pairs, which is never meant.
void checkSameShape(const Tensor& input, const Tensor& target) {
  if (input.sizes() != target.sizes()) throw Error("ERR_SHAPE", "target must have the shape of input");
}
Tensor bceWithLogits(const Tensor& input, const Tensor& target, Optional weight, Optional posWeight,
                     std::string reduce) {
  checkSameShape(input, target);
  return at::binary_cross_entropy_with_logits(input, target, weight, posWeight, reduction(reduce));
}
Tensor binaryCrossEntropy(const Tensor& input, const Tensor& target, Optional weight, std::string reduce) {
  checkSameShape(input, target);
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
  // "batchmean" divides the sum by the batch size. The other reductions are the same as everywhere.
  if (reduce == "batchmean") return at::kl_div(input, target, reduction("sum"), logTarget).div(input.size(0));
  return at::kl_div(input, target, reduction(reduce), logTarget);
}

Tensor cosineEmbeddingLoss(const Tensor& a, const Tensor& b, const Tensor& target, double margin, std::string reduce) {
  return at::cosine_embedding_loss(a, b, target, margin, reduction(reduce));
}
Tensor marginRankingLoss(const Tensor& a, const Tensor& b, const Tensor& target, double margin, std::string reduce) {
  if (a.dim() != b.dim() || a.dim() != target.dim())
    throw Error("ERR_SHAPE", "input, other and target must have the same number of dimensions");
  return at::margin_ranking_loss(a, b, target, margin, reduction(reduce));
}
Tensor tripletMarginLoss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin, double p,
                         double eps, bool swap, std::string reduce) {
  if (!(margin > 0)) throw Error("ERR_VALUE", "margin must be positive, got " + std::to_string(margin));
  return at::triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction(reduce));
}
Tensor hingeEmbeddingLoss(const Tensor& input, const Tensor& target, double margin, std::string reduce) {
  return at::hinge_embedding_loss(input, target, margin, reduction(reduce));
}
Tensor softMarginLoss(const Tensor& input, const Tensor& target, std::string reduce) {
  return at::soft_margin_loss(input, target, reduction(reduce));
}
Tensor multiMarginLoss(const Tensor& input, const Tensor& target, at::Scalar p, at::Scalar margin, Optional weight,
                       std::string reduce) {
  return at::multi_margin_loss(input, target, p, margin, weight, reduction(reduce));
}
Tensor poissonNllLoss(const Tensor& input, const Tensor& target, bool logInput, bool full, double eps,
                      std::string reduce) {
  return at::poisson_nll_loss(input, target, logInput, full, eps, reduction(reduce));
}

// libtorch's kernels read the log-probabilities at the targets without checking that such a class exists.
void checkSequences(const Tensor& logProbabilities, const Tensor& targets, const std::vector<int64_t>& inputLengths,
                    const std::vector<int64_t>& targetLengths, int64_t blank) {
  const int64_t dims = logProbabilities.dim();
  if (dims != 2 && dims != 3) throw Error("ERR_SHAPE", "logProbabilities must be [T, N, K] or [T, K]");
  const int64_t classes = logProbabilities.size(-1);
  const size_t batch = dims == 3 ? static_cast<size_t>(logProbabilities.size(1)) : 1;
  if (logProbabilities.numel() == 0) throw Error("ERR_SHAPE", "logProbabilities must not be empty");
  if (at::isIntegralType(targets.scalar_type(), false) == false)
    throw Error("ERR_TYPE", "targets must be integers, got " + describe(targets));
  if (targets.dim() != 1 && !(targets.dim() == 2 && dims == 3 && targets.size(0) == static_cast<int64_t>(batch)))
    throw Error("ERR_SHAPE", "targets must be [N, S] or one list of all, got " + describe(targets));
  if (blank < 0 || blank >= classes) throw Error("ERR_INDEX", "blank must be a class");
  if (inputLengths.size() != batch || targetLengths.size() != batch)
    throw Error("ERR_SHAPE", "inputLengths and targetLengths must have one element for each sequence");
  int64_t sum = 0;
  for (size_t i = 0; i < batch; ++i) {
    if (inputLengths[i] < 0 || inputLengths[i] > logProbabilities.size(0))
      throw Error("ERR_INDEX", "inputLengths must lie between 0 and T");
    const int64_t room = targets.size(-1) - (targets.dim() == 1 ? sum : 0);
    if (targetLengths[i] < 0 || targetLengths[i] > room)
      throw Error("ERR_INDEX", "targetLengths must not be negative nor exceed what targets hold");
    sum += targetLengths[i];
  }
  if (targets.numel() == 0) return;
  const auto [least, most] = at::aminmax(targets);  // waits for the device
  if (least.item().toLong() < 0 || most.item().toLong() >= classes)
    throw Error("ERR_INDEX", "targets must be classes, 0 to " + std::to_string(classes - 1));
}
Tensor ctcLoss(const Tensor& logProbabilities, const Tensor& targets, std::vector<int64_t> inputLengths,
               std::vector<int64_t> targetLengths, int64_t blank, std::string reduce, bool zeroInfinity) {
  checkSequences(logProbabilities, targets, inputLengths, targetLengths, blank);
  return at::ctc_loss(logProbabilities, targets, inputLengths, targetLengths, blank, reduction(reduce), zeroInfinity);
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
  bind<&cosineEmbeddingLoss>(exports, "cosineEmbeddingLoss", {"input", "other", "target", "margin", "reduction"});
  bind<&marginRankingLoss>(exports, "marginRankingLoss", {"input", "other", "target", "margin", "reduction"});
  bind<&tripletMarginLoss>(exports, "tripletMarginLoss",
                           {"anchor", "positive", "negative", "margin", "p", "eps", "swap", "reduction"});
  bind<&hingeEmbeddingLoss>(exports, "hingeEmbeddingLoss", {"input", "target", "margin", "reduction"});
  bind<&softMarginLoss>(exports, "softMarginLoss", {"input", "target", "reduction"});
  bind<&multiMarginLoss>(exports, "multiMarginLoss", {"input", "target", "p", "margin", "weight", "reduction"});
  bind<&poissonNllLoss>(exports, "poissonNllLoss", {"input", "target", "logInput", "full", "eps", "reduction"});
  bind<&ctcLoss>(
      exports, "ctcLoss",
      {"logProbabilities", "targets", "inputLengths", "targetLengths", "blank", "reduction", "zeroInfinity"});
}

}  // namespace mbconv
