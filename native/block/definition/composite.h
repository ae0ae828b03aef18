// The block as operators of libtorch: on any device, in any dtype, and with gradients of gradients.
#pragma once

#include "block/definition/arguments.h"

namespace mbconv::block {

at::Tensor composite(const Arguments& block);

}  // namespace mbconv::block
