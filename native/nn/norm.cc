// Normalisations.
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/instance_norm.h>
#include <ATen/ops/layer_norm.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Optional = std::optional<at::Tensor>;

void checkChannels(const at::Tensor& input) {
  if (input.dim() < 2) throw Error("ERR_SHAPE", "input needs at least two dimensions, [N, C, …]");
}

// torch.nn.functional makes this check in Python: the variance of one value is 0 / 0.
void checkMoreThanOne(int64_t values, const at::Tensor& input) {
  if (values == 1)
    throw Error("ERR_SHAPE", "Expected more than 1 value per channel when training, got input " + describe(input));
}
int64_t valuesPerSample(const at::Tensor& input) {
  int64_t values = 1;
  for (int64_t i = 2; i < input.dim(); ++i) values *= input.size(i);
  return values;
}

at::Tensor batchNorm(const at::Tensor& input, Optional weight, Optional bias, Optional runningMean, Optional runningVar,
                     bool training, double momentum, double eps) {
  checkChannels(input);
  if (training) checkMoreThanOne(input.size(0) * valuesPerSample(input), input);
  if (training ? !(eps > 0) : !(eps >= 0))
    throw Error("ERR_VALUE", std::string("eps must ") + (training ? "be positive" : "not be negative") + ", got " +
                                 std::to_string(eps));
  return at::batch_norm(input, weight, bias, runningMean, runningVar, training, momentum, eps, /*cudnn_enabled=*/true);
}

at::Tensor instanceNorm(const at::Tensor& input, Optional weight, Optional bias, double eps) {
  checkChannels(input);
  if (valuesPerSample(input) == 1)
    throw Error("ERR_SHAPE", "Expected more than 1 spatial element when training, got input " + describe(input));
  return at::instance_norm(input, weight, bias, {}, {}, /*use_input_stats=*/true, /*momentum=*/0, eps,
                           /*cudnn_enabled=*/true);
}

at::Tensor groupNorm(const at::Tensor& input, int64_t groups, Optional weight, Optional bias, double eps) {
  checkChannels(input);
  checkPositive({groups}, "groups");
  checkMoreThanOne(input.size(0) * input.size(1) / groups * valuesPerSample(input), input);
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
