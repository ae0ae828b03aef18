// The block as one function of autograd, computed by the kernels.
#pragma once

#include "block/definition/arguments.h"

namespace mbconv::block {

// For blocks that unsupported() finds nothing against.
at::Tensor native(const Arguments& block);

}  // namespace mbconv::block
