// Makes a table of the kernels. A file of one instruction set defines MBCONV_LANES, includes this, and names its table.
#pragma once

#include "kernels/cpu/micro/depthwise.h"
#include "kernels/cpu/micro/gate.h"
#include "kernels/cpu/micro/pool.h"
#include "kernels/cpu/micro/product.h"

namespace mbconv::kernels {
namespace {

constexpr Table makeTable(const char* name) {
  return {name, kLanes, kPanel, product, depthwise, mean, squeeze, excite, scale, scalePanel, maxPool, sum, most};
}

}  // namespace
}  // namespace mbconv::kernels
