// Facts about an allocation that was refused. The error that follows carries them to JavaScript.
#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <optional>

namespace mbconv {

struct Shortage {
  c10::Device device;
  size_t asked;                               // bytes
  std::optional<size_t> free = std::nullopt;  // bytes, if the device reports it
};

// Allocators call this before they throw, on any thread. The process has one slot.
void noteShortage(const Shortage& shortage);

// Takes the last shortage noted for devices of this type; the next call no longer finds it.
std::optional<Shortage> takeShortage(c10::DeviceType type);

}  // namespace mbconv
