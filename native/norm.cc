// Normalisations.
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/instance_norm.h>
#include <ATen/ops/layer_norm.h>

#include "bind.h"
#include "checks.h"

namespace mbconv {

namespace {

using Optional = std::optional<at::Tensor>;

void checkChannels(const at::Tensor& input) {
  if (input.dim() < 2) throw Error("ERR_SHAPE", "input needs at least two dimensions, [N, C, …]");
}

at::Tensor batchNorm(const at::Tensor& input, Optional weight, Optional bias, Optional runningMean, Optional runningVar,
                     bool training, double momentum, double eps) {
  checkChannels(input);
  return at::batch_norm(input, weight, bias, runningMean, runningVar, training, momentum, eps, /*cudnn_enabled=*/true);
}

at::Tensor instanceNorm(const at::Tensor& input, Optional weight, Optional bias, double eps) {
  checkChannels(input);
  return at::instance_norm(input, weight, bias, {}, {}, /*use_input_stats=*/true, /*momentum=*/0, eps,
                           /*cudnn_enabled=*/true);
}

at::Tensor groupNorm(const at::Tensor& input, int64_t groups, Optional weight, Optional bias, double eps) {
  checkChannels(input);
  checkPositive({groups}, "groups");
  return at::group_norm(input, groups, weight, bias, eps);
}

at::Tensor layerNorm(const at::Tensor& input, std::vector<int64_t> shape, Optional weight, Optional bias, double eps) {
  return at::layer_norm(input, shape, weight, bias, eps);
}

}  // namespace

void initNorm(const Exports& exports) {
  bind<&batchNorm>(exports, "batchNorm",
                   {"input", "weight", "bias", "runningMean", "runningVar", "training", "momentum", "eps"});
  bind<&instanceNorm>(exports, "instanceNorm", {"input", "weight", "bias", "eps"});
  bind<&groupNorm>(exports, "groupNorm", {"input", "groups", "weight", "bias", "eps"});
  bind<&layerNorm>(exports, "layerNorm", {"input", "shape", "weight", "bias", "eps"});
}

}  // namespace mbconv
