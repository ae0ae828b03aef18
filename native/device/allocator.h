// The CPU allocator: see allocator.cc.
#pragma once

#include <cstddef>

namespace mbconv {

// Makes every later CPU tensor of this process use the caching allocator. Repeated calls do nothing.
void installAllocator();

struct AllocatorStatistics {
  size_t live;      // bytes handed out
  size_t cached;    // bytes held for reuse
  size_t peak;      // most bytes handed out at once
  size_t requests;  // times that memory was asked of the system
};
AllocatorStatistics allocatorStatistics();

// Gives the memory in which nothing is alive back to the system.
void trimAllocator();

}  // namespace mbconv
