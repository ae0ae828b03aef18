#include "decode/jpeg.h"

#include <algorithm>
#include <array>

#include "binding/error.h"
#include "decode/unreadable.h"

namespace mbconv {

namespace {

// Scans of a progressive picture. Usual are about ten; a file of a few kilobytes can have thousands that each take as
// long as the whole picture.
constexpr int kMostScans = 500;

// Megabytes for the coefficients of a progressive picture: those of 50 million pixels with subsampled colours.
constexpr int kMostMegabytes = 300;

// Width and height of the units that a JPEG is coded in, by TJSAMP, px.
constexpr std::array<int, 7> kUnitWidth = {8, 16, 16, 8, 8, 32, 8};
constexpr std::array<int, 7> kUnitHeight = {8, 8, 16, 8, 16, 8, 32};

// Least pixels that take a byte. A block of 8 × 8 pixels has at least one bit of its own, in the first scan of a
// progressive picture.
constexpr int64_t kMostPixelsOfByte = int64_t{8} * 64;

// Whether the subsampling of colours is one that libjpeg-turbo has a name for.
bool isKnown(int subsampling) { return subsampling >= 0 && subsampling < static_cast<int>(kUnitWidth.size()); }

// At a smaller size, colours that are subsampled alike in both directions are decoded as finely as the brightness.
// Others are decoded as many times coarser as they are subsampled.
int mostDenominatorOf(int subsampling) {
  if (!isKnown(subsampling)) return 1;
  const int width = kUnitWidth[subsampling], height = kUnitHeight[subsampling];
  if (width == height) return kMostDenominator;
  return std::max(width, height) == 16 ? kMostDenominator / 2 : 1;
}

std::string sizeText(int width, int height) { return std::to_string(width) + " x " + std::to_string(height) + " px"; }

// Pillow's conversion. libjpeg gives inks as they are stored, which is inverted: 255 is no ink.
void convertCmyk(uint8_t* pixels, size_t count) {
  for (size_t i = 0; i < count; ++i, pixels += kPixelBytes) {
    const unsigned light = pixels[3];
    for (int c = 0; c < 3; ++c) {
      const unsigned product = (255u - pixels[c]) * light + 128;
      pixels[c] = static_cast<uint8_t>(light - (((product >> 8) + product) >> 8));
    }
  }
}

}  // namespace

JpegDecoder::JpegDecoder(std::shared_ptr<const TurboJpeg> turbo) : turbo_(std::move(turbo)) { renew(); }

JpegDecoder::~JpegDecoder() { turbo_->tj3Destroy(handle_); }

void JpegDecoder::renew() {
  if (handle_ != nullptr) turbo_->tj3Destroy(handle_);
  handle_ = turbo_->tj3Init(TJINIT_DECOMPRESS);
  if (handle_ == nullptr) throw Error("ERR_OOM", "libjpeg-turbo has no memory for a decoder");
  turbo_->tj3Set(handle_, TJPARAM_SCANLIMIT, kMostScans);
  turbo_->tj3Set(handle_, TJPARAM_MAXMEMORY, kMostMegabytes);
  turbo_->tj3Set(handle_, TJPARAM_SAVEMARKERS, 0);  // before version 3.1 there is nothing to switch off
}

// The library's message, without the name of its function.
std::string JpegDecoder::message() const {
  const std::string text = turbo_->tj3GetErrorStr(handle_);
  const size_t name = text.find("(): ");
  return name == std::string::npos ? text : text.substr(name + 4);
}

void JpegDecoder::fail() const { throw Unreadable("cannot be read as an image (" + message() + ")"); }

JpegHeader JpegDecoder::open(std::span<const uint8_t> bytes) {
  if (!beginsLikeJpeg(bytes)) throw OtherDecoder("is no JPEG file");
  bytes_ = bytes;
  const auto get = [&](int parameter) { return turbo_->tj3Get(handle_, parameter); };
  if (turbo_->tj3DecompressHeader(handle_, bytes.data(), bytes.size()) != 0) {
    // After a mere warning the header has been read. A new handle shows it, since it has no facts of an earlier
    // picture.
    renew();
    turbo_->tj3DecompressHeader(handle_, bytes.data(), bytes.size());
    if (get(TJPARAM_JPEGWIDTH) < 1 || get(TJPARAM_JPEGHEIGHT) < 1) fail();
  }
  header_ = JpegHeader();
  header_.width = get(TJPARAM_JPEGWIDTH);
  header_.height = get(TJPARAM_JPEGHEIGHT);
  header_.progressive = get(TJPARAM_PROGRESSIVE) == 1;
  subsampling_ = get(TJPARAM_SUBSAMP);
  const int colours = get(TJPARAM_COLORSPACE);
  cmyk_ = colours == TJCS_CMYK || colours == TJCS_YCCK;
  const std::string size = "has " + sizeText(header_.width, header_.height);
  if (get(TJPARAM_PRECISION) != 8) throw OtherDecoder("has samples of other than 8 bits");
  if (get(TJPARAM_LOSSLESS) == 1 || get(TJPARAM_ARITHMETIC) == 1 || colours < 0)
    throw OtherDecoder("is an unusual kind of JPEG");

  const int64_t pixels = int64_t{header_.width} * header_.height;
  const auto scaledPixels = [&](int denominator) {
    return int64_t{scaledSize(header_.width, denominator)} * scaledSize(header_.height, denominator);
  };
  if (scaledPixels(kMostDenominator) > kMostPixels)
    throw Unreadable(size + ", and even at an eighth of that more pixels than the " + std::to_string(kMostPixels) +
                     " allowed");
  while (scaledPixels(header_.leastDenominator) > kMostPixels) header_.leastDenominator *= 2;
  header_.mostDenominator = mostDenominatorOf(subsampling_);
  if (pixels / kMostPixelsOfByte > static_cast<int64_t>(bytes.size()))
    throw Unreadable(size + " by its header, which " + std::to_string(bytes.size()) + " bytes cannot hold");
  const JpegMarkers markers = readMarkers(bytes);
  if (!markers.whole) throw Unreadable("is truncated");
  header_.orientation = markers.orientation;
  header_.profiled = markers.profile || cmyk_;  // sharp has a profile for inks without one
  return header_;
}

// The region that has to be decoded: it begins at a coding unit, and is wider by the neighbours that the smooth
// enlargement of subsampled colours mixes in, so that pixels do not depend on where the region ends.
JpegDecoder::Region JpegDecoder::decodable(int denominator, Range columns, Range rows) const {
  const Range allColumns{0, scaledSize(header_.width, denominator)},
      allRows{0, scaledSize(header_.height, denominator)};
  // Parts of pictures with other subsamplings cannot be decoded.
  if (!isKnown(subsampling_)) return {allColumns, allRows};
  const int unitWidth = scaledSize(kUnitWidth[subsampling_], denominator);
  const int unitHeight = scaledSize(kUnitHeight[subsampling_], denominator);
  const auto widened = [](Range range, Range all, int margin, int unit) {
    const int from = std::max(all.from, range.from - margin) / unit * unit;
    return Range{from, std::min(all.to, range.to + margin)};
  };
  const int acrossMargin = kUnitWidth[subsampling_] > 8 ? kUnitWidth[subsampling_] / 8 : 0;
  const int downMargin = kUnitHeight[subsampling_] > 8 ? kUnitHeight[subsampling_] / 8 : 0;
  return {widened(columns, allColumns, acrossMargin, unitWidth), widened(rows, allRows, downMargin, unitHeight)};
}

View JpegDecoder::decode(int denominator, Range columns, Range rows, Buffer& buffer) {
  const Region region = decodable(denominator, columns, rows);
  const int width = region.columns.length(), height = region.rows.length();
  const bool whole =
      width == scaledSize(header_.width, denominator) && height == scaledSize(header_.height, denominator);
  const size_t stride = static_cast<size_t>(width) * kPixelBytes;
  uint8_t* pixels = buffer.room(stride * height);
  // The factor first: it decides which regions there are.
  const tjregion cropping = whole ? tjregion{} : tjregion{region.columns.from, region.rows.from, width, height};
  if (turbo_->tj3SetCroppingRegion(handle_, tjregion{}) != 0 ||
      turbo_->tj3SetScalingFactor(handle_, {1, denominator}) != 0 ||
      turbo_->tj3SetCroppingRegion(handle_, cropping) != 0)
    fail();
  // If a warning comes before an error, the library reports a warning. Rows are decoded from top to bottom, so the last
  // pixel tells: an opacity of 255 is written with each. Inks fill all four bytes, and no value is impossible.
  uint8_t* last = pixels + stride * height - 1;
  *last = 0;
  const int format = cmyk_ ? TJPF_CMYK : TJPF_RGBA;
  const int result =
      turbo_->tj3Decompress8(handle_, bytes_.data(), bytes_.size(), pixels, static_cast<int>(stride), format);
  if (result != 0) {
    if (turbo_->tj3GetErrorCode(handle_) != TJERR_WARNING) fail();
    if (cmyk_) throw OtherDecoder("has damaged inks");
    if (*last != 255) fail();
  }
  if (cmyk_) convertCmyk(pixels, static_cast<size_t>(width) * height);
  const size_t offset = static_cast<size_t>(rows.from - region.rows.from) * stride +
                        static_cast<size_t>(columns.from - region.columns.from) * kPixelBytes;
  return {pixels + offset, stride, columns.length(), rows.length()};
}

}  // namespace mbconv
