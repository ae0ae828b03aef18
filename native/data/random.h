// Random numbers that are a function of their use: the C++ side of lib/random/philox.ts.
#pragma once

#include <ATen/core/PhiloxRNGEngine.h>

#include <cstdint>

namespace mbconv {

// The values of PURPOSE in lib/random/philox.ts that are drawn here.
enum Purpose : uint32_t { kScene = 16, kNoise = 17, kCrop = 18 };

// The same numbers as KeyedRandom(seed, purpose, epoch, sample) of lib/random/philox.ts: libtorch's Philox4x32-10 with
// the counter laid out as there. test/scenes.test.mjs and test/photo-resize.test.mjs compare the two.
class Random {
 public:
  Random(uint64_t seed, uint32_t purpose, uint32_t epoch, uint32_t sample)
      : engine_(seed, /*subsequence=*/uint64_t{purpose} << 32 | epoch, /*offset=*/uint64_t{sample} << 32) {}

  uint32_t word() { return engine_(); }
  // [0, 1)
  double uniform() { return word() * (1.0 / 4294967296.0); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // A whole number from 0 to n - 1, each equally likely.
  uint32_t below(uint32_t n) {
    // Words that would make the first few results likelier than the rest are drawn again.
    const uint64_t usable = (uint64_t{1} << 32) - (uint64_t{1} << 32) % n;
    uint32_t drawn = word();
    while (drawn >= usable) drawn = word();
    return drawn % n;
  }

 private:
  at::Philox4_32 engine_;
};

}  // namespace mbconv
