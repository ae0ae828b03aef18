// Which blocks there are at all, and which of them the kernels compute.
#pragma once

#include <string>

#include "block/definition/arguments.h"

namespace mbconv::block {

// Throws ERR_SHAPE or ERR_VALUE for tensors that do not fit together.
void check(const Arguments& block);

// Why the kernels of this processor do not compute a block that check() has passed: the rest of a sentence that begins
// with "the block". Empty if they do.
std::string unsupported(const Arguments& block);

}  // namespace mbconv::block
