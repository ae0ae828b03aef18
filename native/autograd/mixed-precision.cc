// Mixed precision: autocast, and the checks of scaled gradients.
#include <ATen/autocast_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

// Enters autocast for a device type. Returns the previous mode, for exitAutocast.
std::tuple<bool, std::string> enterAutocast(at::Device device, bool enabled, at::ScalarType dtype) {
  if (enabled && dtype != at::kHalf && dtype != at::kBFloat16)
    throw Error("ERR_VALUE", "autocast computes in float16 or bfloat16, not " + dtypeName(dtype));
  const auto type = device.type();
  const std::tuple<bool, std::string> before{at::autocast::is_autocast_enabled(type),
                                             dtypeName(at::autocast::get_autocast_dtype(type))};
  at::autocast::increment_nesting();
  at::autocast::set_autocast_enabled(type, enabled);
  at::autocast::set_autocast_dtype(type, dtype);
  return before;
}

void exitAutocast(at::Device device, bool enabled, at::ScalarType dtype) {
  // Weights converted to the low precision are kept until the outermost autocast ends.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device.type(), enabled);
  at::autocast::set_autocast_dtype(device.type(), dtype);
}

bool isAutocastEnabled(at::Device device) { return at::autocast::is_autocast_enabled(device.type()); }

// Multiplies the gradients by inverseScale in place. Sets `foundInf` [1] to 1 where one is not finite.
void unscaleGradients(std::vector<at::Tensor> parameters, at::Tensor foundInf, const at::Tensor& inverseScale) {
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (!gradients.empty()) at::_amp_foreach_non_finite_check_and_unscale_(gradients, foundInf, inverseScale);
}

}  // namespace

void initMixedPrecision(const Exports& exports) {
  bind<&enterAutocast>(exports, "enterAutocast", {"device", "enabled", "dtype"});
  bind<&exitAutocast>(exports, "exitAutocast", {"device", "enabled", "dtype"});
  bind<&isAutocastEnabled>(exports, "isAutocastEnabled", {"device"});
  bind<&unscaleGradients>(exports, "unscaleGradients", {"parameters", "foundInf", "inverseScale"});
}

}  // namespace mbconv
