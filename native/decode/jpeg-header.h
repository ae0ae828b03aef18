// What the markers before a JPEG's pixels say. Nothing here allocates, and nothing is read beyond the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mbconv {

// The eight values of EXIF's Orientation tag: how to turn the stored picture upright. As in lib/data/images/pixels.ts.
class Orientation {
 public:
  explicit Orientation(int tag = 1) : tag_(tag >= 1 && tag <= 8 ? tag : 1) {}
  bool upright() const { return tag_ == 1; }
  // Whether the rows of the upright picture are columns of the stored one.
  bool swapsSides() const { return tag_ > 4; }
  // Whether the upright picture's rows, or columns, come in reversed order.
  bool reversesRows() const { return tag_ == 3 || tag_ == 4 || tag_ == 7 || tag_ == 8; }
  bool reversesColumns() const { return tag_ == 2 || tag_ == 3 || tag_ == 6 || tag_ == 7; }

 private:
  int tag_;
};

struct JpegMarkers {
  Orientation orientation;
  // Whether it has a colour profile.
  bool profile = false;
  // Whether the data of the pixels end with an end marker. Without one the file is truncated.
  bool whole = false;
};

bool beginsLikeJpeg(std::span<const uint8_t> bytes);

JpegMarkers readMarkers(std::span<const uint8_t> bytes);

}  // namespace mbconv
