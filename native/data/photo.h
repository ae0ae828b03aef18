// From one encoded image to one image of a batch: decoding, crop, resizing, flip, augmentation.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "data/crop.h"
#include "decode/file.h"
#include "decode/jpeg.h"

namespace mbconv {

// The memory and the decoder that the work on one image needs. One image at a time uses it.
struct Workspace {
  explicit Workspace(const std::shared_ptr<const TurboJpeg>& turbo) {
    if (turbo) jpeg.emplace(turbo);
  }

  // None without libjpeg-turbo.
  std::optional<JpegDecoder> jpeg;
  Buffer file, decoded, upright, narrow, resized;

  // Frees what a large image has left.
  void trim();
};

// Where an image of a batch comes from, and its own part of the random numbers.
struct Sample {
  Part part;
  uint32_t number = 0;
  std::span<const double> program;
  // Size of an image whose bytes are its pixels, upright rows of red, green and blue; 0 for an encoded image.
  int height = 0, width = 0;
};

// Images in memory that someone has decoded: upright rows of 1 or 3 bytes a pixel.
struct Decoded {
  std::span<const uint8_t> pixels;
  int height = 0, width = 0, channels = 0;
};

// How images become those of a batch.
struct PhotoOptions {
  CropOptions crop;
  uint64_t seed = 0;
  // The longest file, bytes.
  int64_t mostBytes = 0;
  // Whether colour profiles count. They are left to the other decoder.
  bool colorManagement = false;
};

class PhotoMaker {
 public:
  explicit PhotoMaker(const PhotoOptions& options) : options_(options) {}

  // Bytes of one image of a batch: height × width × 3.
  size_t bytes() const { return static_cast<size_t>(options_.crop.height) * options_.crop.width * 3; }

  // Reads the sample, and decodes it unless its bytes are its pixels, into `to`. Throws Unreadable or OtherDecoder.
  void make(const Sample& sample, uint32_t epoch, Workspace& space, uint8_t* to);

  // The same from pixels that another decoder has given.
  void finish(const Decoded& image, const Sample& sample, uint32_t epoch, Workspace& space, uint8_t* to);

 private:
  void complete(const View& view, const Axis& columns, const Axis& rows, const Crop& crop, const Sample& sample,
                Workspace& space, uint8_t* to);

  // Copies a part that is not resized: pixels of three bytes, from a row that begins with the part's first pixel.
  void copy(const uint8_t* from, size_t stride, const Crop& crop, const Sample& sample, uint8_t* to);
  void augment(const Sample& sample, uint8_t* to);
  void makeStored(const Sample& sample, uint32_t epoch, Workspace& space, uint8_t* to);

  const PhotoOptions options_;
  // Held while a large image is decoded, so that there is only one of them in memory.
  std::mutex large_;
};

// Turns a view of the stored picture upright. Gives the view itself if it is upright.
View turned(const View& stored, Orientation orientation, Buffer& buffer);

// The upright view of a whole decoded file.
View decodeWhole(JpegDecoder& jpeg, std::span<const uint8_t> bytes, Buffer& decoded, Buffer& upright);

}  // namespace mbconv
