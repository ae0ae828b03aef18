// The CPU allocator, described in allocator.cc.
#pragma once

#include <cstddef>

namespace mbconv {

// Makes every later CPU tensor of this process use the caching allocator. Repeated calls do nothing.
void installAllocator();

struct AllocatorStatistics {
  size_t live;      // bytes handed out
  size_t cached;    // bytes held for reuse
  size_t peak;      // most bytes handed out at once
  size_t requests;  // times that the system was asked for memory
};
// False where MBCONV_NO_CACHING_ALLOCATOR keeps glibc's allocator.
bool allocatorInstalled();

AllocatorStatistics allocatorStatistics();

// Returns memory without live blocks to the system.
void trimAllocator();

}  // namespace mbconv
