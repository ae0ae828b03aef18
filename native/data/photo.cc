#include "data/photo.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "binding/error.h"
#include "data/program.h"
#include "decode/unreadable.h"

namespace mbconv {

namespace {

// Memory that is kept from image to image, bytes. A photograph of a few million pixels needs less.
constexpr size_t kKept = size_t{32} << 20;

// Pictures from so many pixels on, decoded or progressive, are decoded one at a time. As LARGE of
// lib/data/images/decoding-queue.ts.
constexpr int64_t kLarge = 16'000'000;

// An interval of an upright picture's columns or rows, found in the stored picture at 1/denominator of its size.
struct Side {
  // The pixels that contain the interval, in the stored picture.
  Range stored;
  // The interval from the first of them on, in the direction of the upright picture.
  float from = 0, to = 0;
  bool reversed = false;

  // `size` is the length of the picture's side in full, px.
  Side(int first, int length, int size, bool reversed, int denominator) : reversed(reversed) {
    const int low = reversed ? size - first - length : first;
    const int high = low + length;
    stored = {low / denominator, scaledSize(high, denominator)};
    // Exact: a denominator is a power of two.
    const float start = static_cast<float>(low) / denominator - stored.from;
    const float end = static_cast<float>(high) / denominator - stored.from;
    from = reversed ? stored.length() - end : start;
    to = reversed ? stored.length() - start : end;
  }

  // Pixels of this side, counted in the direction of the upright picture, as those of the stored picture.
  Range inStored(Range upright) const {
    return reversed ? Range{stored.to - upright.to, stored.to - upright.from}
                    : Range{stored.from + upright.from, stored.from + upright.to};
  }
};

// The greatest denominator that leaves the part at least as large as what it is resized to. Averaging by the decoder
// and by the filter is then nearly the same as by the filter alone. A centre crop is exact.
int denominatorOf(const CropOptions& options, const Crop& crop, const JpegHeader& header) {
  int denominator = header.leastDenominator;
  if (options.kind == CropKind::kCentre) return denominator;
  while (denominator < header.mostDenominator && crop.width >= 2 * denominator * crop.resizedWidth &&
         crop.height >= 2 * denominator * crop.resizedHeight)
    denominator *= 2;
  return denominator;
}

// The pixels of a resized side that the result shows, which begins at `first` and has `length` of them.
Axis axisFor(const Side& side, int size, int first, int length, Resampling filter) {
  const Range shown{std::max(first, 0), std::min(first + length, size)};
  return axisOf(side.stored.length(), side.from, side.to, size, shown, filter);
}

}  // namespace

void Workspace::trim() {
  for (Buffer* buffer : {&file, &decoded, &upright, &narrow, &resized}) buffer->trim(kKept);
}

View turned(const View& stored, Orientation orientation, Buffer& buffer) {
  if (orientation.upright()) return stored;
  View upright;
  upright.width = orientation.swapsSides() ? stored.height : stored.width;
  upright.height = orientation.swapsSides() ? stored.width : stored.height;
  upright.stride = static_cast<size_t>(upright.width) * kPixelBytes;
  uint8_t* to = buffer.room(upright.stride * upright.height);
  upright.data = to;
  // Steps in the stored picture for a step right and a step down in the upright one.
  const auto line = static_cast<ptrdiff_t>(stored.stride), pixel = static_cast<ptrdiff_t>(kPixelBytes);
  const ptrdiff_t across = orientation.swapsSides() ? line : pixel, below = orientation.swapsSides() ? pixel : line;
  const ptrdiff_t right = orientation.reversesColumns() ? -across : across;
  const ptrdiff_t down = orientation.reversesRows() ? -below : below;
  const uint8_t* start =
      stored.data + (right < 0 ? (upright.width - 1) * across : 0) + (down < 0 ? (upright.height - 1) * below : 0);
  for (int y = 0; y < upright.height; ++y) {
    const uint8_t* from = start + y * down;
    for (int x = 0; x < upright.width; ++x, from += right, to += kPixelBytes) std::memcpy(to, from, kPixelBytes);
  }
  return upright;
}

View decodeWhole(JpegDecoder& jpeg, std::span<const uint8_t> bytes, Buffer& decoded, Buffer& upright) {
  const JpegHeader header = jpeg.open(bytes);
  if (header.leastDenominator > 1)
    throw Unreadable("has " + std::to_string(header.width) + " x " + std::to_string(header.height) +
                     " px, more pixels than the " + std::to_string(kMostPixels) + " allowed");
  const View stored = jpeg.decode(1, {0, header.width}, {0, header.height}, decoded);
  return turned(stored, header.orientation, upright);
}

void PhotoMaker::make(const Sample& sample, uint32_t epoch, Workspace& space, uint8_t* to) {
  if (sample.height > 0) return makeStored(sample, epoch, space, to);
  const std::span<const uint8_t> bytes = readPart(sample.part, options_.mostBytes, space.file);
  if (!space.jpeg) throw OtherDecoder("libjpeg-turbo is not there");
  const JpegHeader header = space.jpeg->open(bytes);
  if (options_.colorManagement && header.profiled) throw OtherDecoder("has a colour profile");
  const Orientation turn = header.orientation;
  const int width = turn.swapsSides() ? header.height : header.width;
  const int height = turn.swapsSides() ? header.width : header.height;
  const Crop crop = drawCrop(options_.crop, options_.seed, epoch, sample.number, width, height);
  const int denominator = denominatorOf(options_.crop, crop, header);

  const Side across(crop.left, crop.width, width, turn.reversesColumns(), denominator);
  const Side along(crop.top, crop.height, height, turn.reversesRows(), denominator);
  const Axis columns = axisFor(across, crop.resizedWidth, crop.resultLeft, options_.crop.width, crop.filter);
  const Axis rows = axisFor(along, crop.resizedHeight, crop.resultTop, options_.crop.height, crop.filter);
  const Range neededColumns = across.inStored(columns.used), neededRows = along.inStored(rows.used);

  const int64_t decoded = int64_t{neededColumns.length()} * neededRows.length();
  const int64_t held = header.progressive ? int64_t{width} * height : decoded;
  std::unique_lock<std::mutex> alone(large_, std::defer_lock);
  if (std::max(decoded, held) >= kLarge) alone.lock();
  const View stored = turn.swapsSides() ? space.jpeg->decode(denominator, neededRows, neededColumns, space.decoded)
                                        : space.jpeg->decode(denominator, neededColumns, neededRows, space.decoded);
  complete(turned(stored, turn, space.upright), columns, rows, crop, sample, space, to);
  space.trim();
}

// From pixels in a file. Only the rows of the part are read.
void PhotoMaker::makeStored(const Sample& sample, uint32_t epoch, Workspace& space, uint8_t* to) {
  const Crop crop = drawCrop(options_.crop, options_.seed, epoch, sample.number, sample.width, sample.height);
  const bool copies = crop.width == options_.crop.width && crop.height == options_.crop.height &&
                      crop.width == crop.resizedWidth && crop.height == crop.resizedHeight;
  if (!copies) {
    const Decoded image{readPart(sample.part, options_.mostBytes, space.file), sample.height, sample.width, 3};
    return finish(image, sample, epoch, space, to);
  }
  const size_t stride = static_cast<size_t>(sample.width) * 3;
  Part rows = sample.part;
  rows.offset += static_cast<int64_t>(crop.top * stride);
  rows.length = static_cast<int64_t>(crop.height * stride);
  const std::span<const uint8_t> bytes = readPart(rows, options_.mostBytes, space.file);
  copy(bytes.data() + static_cast<size_t>(crop.left) * 3, stride, crop, sample, to);
}

void PhotoMaker::copy(const uint8_t* from, size_t stride, const Crop& crop, const Sample& sample, uint8_t* to) {
  const size_t width = static_cast<size_t>(crop.width), line = width * 3;
  for (int y = 0; y < crop.height; ++y, from += stride, to += line) {
    if (!crop.flipped) {
      std::memcpy(to, from, line);
      continue;
    }
    // Four bytes at once: the fourth is overwritten by the next pixel. The ends of the row have only three.
    const uint8_t* pixel = from + line - 3;
    if (width > 1) std::memcpy(to, pixel, 3);
    uint8_t* target = to + 3;
    for (size_t x = 2; x < width; ++x, target += 3) {
      pixel -= 3;
      std::memcpy(target, pixel, 4);
    }
    std::memcpy(to + line - 3, from, 3);
  }
  augment(sample, to - crop.height * line);
}

void PhotoMaker::augment(const Sample& sample, uint8_t* to) {
  if (sample.program.empty()) return;
  Image image{options_.crop.height, options_.crop.width, 3, {to, bytes()}};
  applyProgram(image, sample.program.data(), sample.program.size());
}

void PhotoMaker::finish(const Decoded& image, const Sample& sample, uint32_t epoch, Workspace& space, uint8_t* to) {
  const Crop crop = drawCrop(options_.crop, options_.seed, epoch, sample.number, image.width, image.height);
  const Side across(crop.left, crop.width, image.width, false, 1), along(crop.top, crop.height, image.height, false, 1);
  const Axis columns = axisFor(across, crop.resizedWidth, crop.resultLeft, options_.crop.width, crop.filter);
  const Axis rows = axisFor(along, crop.resizedHeight, crop.resultTop, options_.crop.height, crop.filter);
  const Range left = across.inStored(columns.used), top = along.inStored(rows.used);

  View view;
  view.width = left.length();
  view.height = top.length();
  view.stride = static_cast<size_t>(view.width) * kPixelBytes;
  uint8_t* pixels = space.decoded.room(view.stride * view.height);
  view.data = pixels;
  const size_t present = static_cast<size_t>(image.channels);
  for (int y = top.from; y < top.to; ++y) {
    const uint8_t* from = image.pixels.data() + (static_cast<size_t>(y) * image.width + left.from) * present;
    for (int x = 0; x < view.width; ++x, from += present, pixels += kPixelBytes) {
      for (size_t c = 0; c < 3; ++c) pixels[c] = from[present == 3 ? c : 0];
      pixels[3] = 255;
    }
  }
  complete(view, columns, rows, crop, sample, space, to);
  space.trim();
}

// Resizes, pads, flips, takes away the fourth byte, and augments.
void PhotoMaker::complete(const View& view, const Axis& columns, const Axis& rows, const Crop& crop,
                          const Sample& sample, Workspace& space, uint8_t* to) {
  const int width = options_.crop.width, height = options_.crop.height;
  const int shownWidth = columns.length(), shownHeight = rows.length();
  uint8_t* resized = space.resized.room(static_cast<size_t>(shownWidth) * shownHeight * kPixelBytes);
  resize(view, columns, rows, space.narrow, resized);
  const int left = std::max(-crop.resultLeft, 0), top = std::max(-crop.resultTop, 0);
  if (shownWidth < width || shownHeight < height) {
    for (size_t i = 0; i < bytes(); i += 3) std::copy_n(options_.crop.fill, 3, to + i);
  }
  for (int y = 0; y < shownHeight; ++y) {
    const uint8_t* from = resized + static_cast<size_t>(y) * shownWidth * kPixelBytes;
    uint8_t* row = to + static_cast<size_t>(top + y) * width * 3;
    const ptrdiff_t step = crop.flipped ? -3 : 3;
    uint8_t* pixel = row + static_cast<ptrdiff_t>(crop.flipped ? width - 1 - left : left) * 3;
    for (int x = 0; x < shownWidth; ++x, from += kPixelBytes, pixel += step) {
      pixel[0] = from[0];
      pixel[1] = from[1];
      pixel[2] = from[2];
    }
  }
  augment(sample, to);
}

}  // namespace mbconv
