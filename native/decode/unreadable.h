// What can be wrong with one image. The other images of a batch are not concerned.
#pragma once

#include <stdexcept>

namespace mbconv {

// The image cannot be read; the text completes "FILE: …".
struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// It is none of the kinds that are decoded here; the text says why. Another decoder may read it.
struct OtherDecoder : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace mbconv
