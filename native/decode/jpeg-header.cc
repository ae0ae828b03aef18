#include "decode/jpeg-header.h"

#include <cstring>
#include <optional>
#include <string_view>

namespace mbconv {

namespace {

constexpr uint8_t kStartOfScan = 0xda, kEndOfImage = 0xd9, kApp1 = 0xe1, kApp2 = 0xe2;

// Numbers of either byte order, with a check of each position.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool little = false;

  std::optional<uint32_t> number(size_t at, size_t length) const {
    if (at > bytes_.size() || length > bytes_.size() - at) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < length; ++i) {
      const size_t place = little ? length - 1 - i : i;
      value = value << 8 | bytes_[at + place];
    }
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
};

// The Orientation tag in the first directory of EXIF data, which are a TIFF file. Pillow and libvips look there, too.
std::optional<int> orientationOf(std::span<const uint8_t> tiff) {
  constexpr uint32_t kOrientation = 0x112, kShort = 3, kLong = 4;
  Reader reader(tiff);
  const auto order = reader.number(0, 2);
  if (order != 0x4949u && order != 0x4d4du) return std::nullopt;
  reader.little = order == 0x4949u;
  const auto start = reader.number(4, 4);
  if (reader.number(2, 2) != 42u || !start) return std::nullopt;
  const auto entries = reader.number(*start, 2);
  for (size_t i = 0; entries && i < *entries; ++i) {
    const size_t at = size_t{*start} + 2 + 12 * i;
    const auto tag = reader.number(at, 2);
    if (!tag) return std::nullopt;
    if (tag != kOrientation) continue;
    const auto type = reader.number(at + 2, 2), count = reader.number(at + 4, 4);
    if ((type != kShort && type != kLong) || count != 1u) return std::nullopt;
    const auto value = reader.number(at + 8, type == kShort ? 2 : 4);
    return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
  }
  return std::nullopt;
}

bool begins(std::span<const uint8_t> segment, std::string_view name) {
  return segment.size() > name.size() && std::memcmp(segment.data(), name.data(), name.size()) == 0;
}

constexpr std::string_view kExif("Exif\0\0", 6), kProfile("ICC_PROFILE\0", 12);

// Whether there is an end marker from `from` on. It is searched from the end, where it mostly is. Among the data of
// pixels a byte 0xff is followed by 0 or by another marker, so that the pair is no pixel.
bool endsFrom(std::span<const uint8_t> bytes, size_t from) {
  for (size_t at = bytes.size(); at >= from + 2; --at) {
    if (bytes[at - 1] == kEndOfImage && bytes[at - 2] == 0xff) return true;
  }
  return false;
}

}  // namespace

bool beginsLikeJpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

JpegMarkers readMarkers(std::span<const uint8_t> bytes) {
  JpegMarkers markers;
  const Reader reader(bytes);
  bool exif = false;
  for (size_t at = 2; at + 4 <= bytes.size();) {
    const uint8_t marker = bytes[at + 1];
    if (bytes[at] != 0xff || marker == 0xff || marker == 0) {
      ++at;  // bytes between segments are skipped, as decoders do
    } else if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd9)) {
      at += 2;  // a marker without a segment
    } else {
      const size_t length = reader.number(at + 2, 2).value_or(0);
      const size_t next = at + 2 + length;
      if (marker == kStartOfScan) {
        markers.whole = next <= bytes.size() && endsFrom(bytes, next);
        return markers;
      }
      if (length >= 2 && next <= bytes.size()) {
        const auto segment = bytes.subspan(at + 4, length - 2);
        if (marker == kApp1 && !exif && begins(segment, kExif)) {
          exif = true;
          markers.orientation = Orientation(orientationOf(segment.subspan(kExif.size())).value_or(1));
        }
        if (marker == kApp2 && begins(segment, kProfile)) markers.profile = true;
      }
      at = next;
    }
  }
  return markers;
}

}  // namespace mbconv
