// Decodes JPEG with libjpeg-turbo: the whole picture as Pillow does, or only the part and the size that are needed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "decode/jpeg-header.h"
#include "decode/pixels.h"
#include "decode/turbojpeg.h"

namespace mbconv {

// The decoded picture has at most so many pixels, after scaling. As MAX_PIXELS of lib/data/images/image-limits.ts.
constexpr int64_t kMostPixels = 50'000'000;

// The sizes that a picture can be decoded at: 1/1, 1/2, 1/4, 1/8. libjpeg-turbo knows the other eighths, too, but has
// no fast code for them.
constexpr int kMostDenominator = 8;

inline int scaledSize(int size, int denominator) { return (size + denominator - 1) / denominator; }

struct JpegHeader {
  // Of the stored picture, px.
  int width = 0;
  int height = 0;
  Orientation orientation;
  // Whether its colours are converted by a profile where colours are managed.
  bool profiled = false;
  // Whether a decoder holds the coefficients of all pixels.
  bool progressive = false;
  // The least denominator that the limit of pixels allows, and the greatest one that keeps the colours.
  int leastDenominator = 1;
  int mostDenominator = 1;
};

// Used by one thread at a time.
class JpegDecoder {
 public:
  explicit JpegDecoder(std::shared_ptr<const TurboJpeg> turbo);
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder();

  // Reads the header. The bytes must stay valid until the picture is decoded.
  //
  // Throws Unreadable for a damaged header, a truncated file, a picture with too many pixels, or one that so few bytes
  // cannot hold; OtherDecoder for what is no JPEG, and for the kinds that libjpeg-turbo does not turn into 8-bit
  // colours.
  JpegHeader open(std::span<const uint8_t> bytes);

  // Decodes these columns and rows of the stored picture at 1/denominator of its size, into the buffer.
  //
  // Damaged data give wrong pixels, as in Pillow and every program on libjpeg; data that cannot be decoded to the end
  // throw Unreadable. Pixels are the same whether the whole picture or a part is decoded.
  View decode(int denominator, Range columns, Range rows, Buffer& buffer);

 private:
  struct Region {
    Range columns, rows;
  };
  Region decodable(int denominator, Range columns, Range rows) const;
  void renew();
  std::string message() const;
  [[noreturn]] void fail() const;

  std::shared_ptr<const TurboJpeg> turbo_;
  tjhandle handle_ = nullptr;
  std::span<const uint8_t> bytes_;
  JpegHeader header_;
  int subsampling_ = TJSAMP_UNKNOWN;
  bool cmyk_ = false;
};

}  // namespace mbconv
