// Checks that libtorch leaves out, or makes too late.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "binding/error.h"

namespace mbconv {

// Some kernels divide by these values before they are checked.
inline void checkPositive(const std::vector<int64_t>& values, const char* name) {
  for (int64_t value : values) {
    if (value <= 0) throw Error("ERR_VALUE", std::string(name) + " must be positive, got " + std::to_string(value));
  }
}

// How a quotient is rounded. libtorch's own error does not tell a wrong value from other failures.
inline void checkRoundingMode(const std::optional<std::string>& mode) {
  if (mode && *mode != "trunc" && *mode != "floor")
    throw Error("ERR_VALUE", "roundingMode must be 'trunc' or 'floor', got '" + *mode + "'");
}

}  // namespace mbconv
