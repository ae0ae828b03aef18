// The windows of the kernels, under the names that steps have for them.
#pragma once

#include "kernels/cpu/window.h"

namespace mbconv::plan {

using kernels::balanced;
using kernels::Chunks;
using kernels::Window;

}  // namespace mbconv::plan
