// What is known of an allocation that was refused: the error that follows carries it to JavaScript.
#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <optional>

namespace mbconv {

struct Shortage {
  c10::Device device;
  size_t asked;                               // bytes
  std::optional<size_t> free = std::nullopt;  // bytes, where the device says so
};

// Allocators call this before they throw, on whatever thread; one slot for the process.
void noteShortage(const Shortage& shortage);

// The last one noted for devices of this type, once.
std::optional<Shortage> takeShortage(c10::DeviceType type);

}  // namespace mbconv
