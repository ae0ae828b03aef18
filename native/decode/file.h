// Reads encoded images from files.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "decode/pixels.h"

namespace mbconv {

// Where an encoded image is: a file, or `length` bytes of it from `offset` on. A negative length means the whole file.
struct Part {
  std::string file;
  int64_t offset = 0;
  int64_t length = -1;
};

// Reads it into the buffer. Throws Unreadable for a file that is missing, no regular file, shorter than the part,
// empty, or with more than `most` bytes to read.
std::span<const uint8_t> readPart(const Part& part, int64_t most, Buffer& buffer);

}  // namespace mbconv
