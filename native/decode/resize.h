// Resizes pictures as Pillow 13 does: bilinear or bicubic, with a filter that averages when it shrinks, in the integers
// of `Image.resize`, bit for bit. Other versions of Pillow choose the order of the two directions in another way, which
// changes some values by one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "decode/pixels.h"

namespace mbconv {

enum class Resampling { kBilinear, kBicubic };

std::optional<Resampling> resamplingNamed(const std::string& name);

// One direction of a resize: which pixels of the source make each pixel of the result, and with what weights.
struct Axis {
  // Pixels of the whole source and of the whole result.
  int source = 0, size = 0;
  // The source is used from `used.from` to `used.to`.
  Range used;
  // The result is that part of the source, unchanged.
  bool copies = false;
  // For each pixel of the result: the first pixel of the source, and the number of them.
  std::vector<int> first, count;
  // `stride` weights for each pixel of the result.
  std::vector<int32_t> weights;
  int stride = 0;

  int length() const { return static_cast<int>(first.size()); }
};

// The axis that stretches the source's interval [from, to), which may lie between pixels, to `size` pixels.
//
// `window` is the part of these that is wanted. Pixels of the source outside the interval are mixed in at its ends, as
// by Pillow's argument `box`; to cut first, give a source that ends there.
Axis axisOf(int source, float from, float to, int size, Range window, Resampling filter);

// Resizes a view that begins at the pixel (columns.used.from, rows.used.from) of the source, into
// rows.length() × columns.length() pixels of four bytes. `narrow` is memory for rows that are resized across only.
void resize(const View& view, const Axis& columns, const Axis& rows, Buffer& narrow, uint8_t* result);

}  // namespace mbconv
