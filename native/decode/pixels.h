// Pixels in memory on their way from a file to a batch: four bytes each, red, green, blue and one that nothing reads.
// Four bytes load as one word, so that resizing handles the channels of a pixel together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace mbconv {

constexpr size_t kPixelBytes = 4;

// Memory that is reused from image to image. It grows without copying and is not cleared.
class Buffer {
 public:
  uint8_t* room(size_t bytes) {
    if (bytes > capacity_) {
      bytes_.reset();  // first, so that both are never held
      capacity_ = 0;
      bytes_.reset(new uint8_t[bytes]);
      capacity_ = bytes;
    }
    return bytes_.get();
  }
  // Frees the memory if a large image has left more than `most` bytes.
  void trim(size_t most) {
    if (capacity_ <= most) return;
    bytes_.reset();
    capacity_ = 0;
  }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t capacity_ = 0;
};

// Rows of pixels that someone else owns.
struct View {
  const uint8_t* data = nullptr;
  size_t stride = 0;  // bytes from one row to the next
  int width = 0;
  int height = 0;

  const uint8_t* row(int y) const { return data + y * stride; }
};

// A half-open interval of columns or rows, px.
struct Range {
  int from = 0;
  int to = 0;
  int length() const { return to - from; }
};

}  // namespace mbconv
