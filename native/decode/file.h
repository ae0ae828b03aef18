// Reads encoded images from files.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "decode/pixels.h"

namespace mbconv {

// Where an image's bytes are: a file, or `length` bytes of it from `offset` on. A negative length means the whole file.
struct Part {
  std::string file;
  int64_t offset = 0;
  int64_t length = -1;
  // In place of a file, whose name is empty then: bytes that someone else owns.
  std::span<const uint8_t> memory;
};

// The bytes, read into the buffer if they are in a file. Throws Unreadable for a file that is missing, no regular file,
// shorter than the part, empty, or with more than `most` bytes to read.
//
// Files are read with pread and not mapped: a file that another process cuts while it is mapped would end this process
// with SIGBUS.
std::span<const uint8_t> readPart(const Part& part, int64_t most, Buffer& buffer);

}  // namespace mbconv
