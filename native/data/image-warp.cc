// Rotations and other affine maps. As in image-ops.cc, every step has Pillow's order and precision.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/image.h"

namespace mbconv {

namespace {

constexpr int kChannels = kImageChannels;

uint8_t clip8(double value) { return static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)); }

// A copy of the image, from which a warp reads. Rows and columns beyond the border repeat the border.
class Source {
 public:
  explicit Source(const Image& image)
      : height_(image.height), width_(image.width), pixels_(image.pixels.begin(), image.pixels.end()) {}

  bool has(double x, double y) const { return x >= 0 && x < width_ && y >= 0 && y < height_; }
  const uint8_t* row(int y) const {
    return pixels_.data() + static_cast<size_t>(std::clamp(y, 0, height_ - 1)) * width_ * kChannels;
  }
  size_t column(int x) const { return static_cast<size_t>(std::clamp(x, 0, width_ - 1)) * kChannels; }

 private:
  int height_, width_;
  std::vector<uint8_t> pixels_;
};

void copyPixel(const Image& image, int x, int y, const Source& source, int fromX, int fromY) {
  std::copy_n(source.row(fromY) + source.column(fromX), kChannels, image.at(x, y));
}

// The nearest pixel, in 16.16 fixed point.
void warpFixed(Image& image, const Source& source, const Affine& m) {
  const auto fixed = [](double value) { return static_cast<int64_t>(std::floor(value * 65536.0 + 0.5)); };
  const int64_t xPerColumn = fixed(m[0]), xPerRow = fixed(m[1]), yPerColumn = fixed(m[3]), yPerRow = fixed(m[4]);
  int64_t rowX = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), rowY = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
  for (int y = 0; y < image.height; ++y, rowX += xPerRow, rowY += yPerRow) {
    int64_t atX = rowX, atY = rowY;
    for (int x = 0; x < image.width; ++x, atX += xPerColumn, atY += yPerColumn) {
      const int64_t fromX = atX >> 16, fromY = atY >> 16;
      if (fromX >= 0 && fromX < image.width && fromY >= 0 && fromY < image.height)
        copyPixel(image, x, y, source, static_cast<int>(fromX), static_cast<int>(fromY));
    }
  }
}

// The nearest pixel, by adding steps to the coordinates of the first one, which are those of its centre.
void warpBySteps(Image& image, const Source& source, const Affine& m) {
  double rowX = m[2] + m[1] * 0.5 + m[0] * 0.5, rowY = m[5] + m[4] * 0.5 + m[3] * 0.5;
  for (int y = 0; y < image.height; ++y, rowX += m[1], rowY += m[4]) {
    double atX = rowX, atY = rowY;
    for (int x = 0; x < image.width; ++x, atX += m[0], atY += m[3]) {
      if (source.has(atX, atY)) copyPixel(image, x, y, source, static_cast<int>(atX), static_cast<int>(atY));
    }
  }
}

// The nearest pixel. Pillow uses fixed point where the coordinates of the four corners fit into it, but not for maps
// that only scale and move.
void warpNearest(Image& image, const Source& source, const Affine& m) {
  const auto fits = [&m](double x, double y) {
    return std::abs(x * m[0] + y * m[1] + m[2]) < 32768.0 && std::abs(x * m[3] + y * m[4] + m[5]) < 32768.0;
  };
  const double width = image.width, height = image.height;
  const bool turns = m[1] != 0 || m[3] != 0;
  const bool fixed = turns && fits(0, 0) && fits(width, height) && fits(0, height) && fits(width, 0);
  (fixed ? warpFixed : warpBySteps)(image, source, m);
}

// Calls `sample(x, y, pixel)` for each output pixel that shows the source, with the coordinates of a pixel's centre
// being whole numbers.
template <class Sample>
void warpSmooth(Image& image, const Source& source, const Affine& m, Sample sample) {
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const double centreX = x + 0.5, centreY = y + 0.5;
      const double atX = m[0] * centreX + m[1] * centreY + m[2];
      const double atY = m[3] * centreX + m[4] * centreY + m[5];
      if (source.has(atX, atY)) sample(atX - 0.5, atY - 0.5, image.at(x, y));
    }
  }
}

double between(double from, double to, double share) { return from + (to - from) * share; }

void sampleBilinear(const Source& source, double atX, double atY, uint8_t* pixel) {
  const int x = static_cast<int>(std::floor(atX)), y = static_cast<int>(std::floor(atY));
  const uint8_t *upper = source.row(y), *lower = source.row(y + 1);
  const size_t left = source.column(x), right = source.column(x + 1);
  for (int c = 0; c < kChannels; ++c) {
    const double above = between(upper[left + c], upper[right + c], atX - x);
    const double below = between(lower[left + c], lower[right + c], atX - x);
    pixel[c] = static_cast<uint8_t>(between(above, below, atY - y));
  }
}

// The cubic through four values, between the second and the third.
double cubic(double v1, double v2, double v3, double v4, double share) {
  const double p2 = -v1 + v3, p3 = 2 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
  return v2 + share * (p2 + share * (p3 + share * p4));
}

void sampleBicubic(const Source& source, double atX, double atY, uint8_t* pixel) {
  const int x = static_cast<int>(std::floor(atX)), y = static_cast<int>(std::floor(atY));
  const std::array<size_t, 4> at = {source.column(x - 1), source.column(x), source.column(x + 1), source.column(x + 2)};
  for (int c = 0; c < kChannels; ++c) {
    std::array<double, 4> rows;
    for (int i = 0; i < 4; ++i) {
      const uint8_t* row = source.row(y - 1 + i) + c;
      rows[i] = cubic(row[at[0]], row[at[1]], row[at[2]], row[at[3]], atX - x);
    }
    pixel[c] = clip8(cubic(rows[0], rows[1], rows[2], rows[3], atY - y));
  }
}

// Python's round(value, 15) for |value| ≤ 1.
double roundTo15(double value) {
  constexpr double kScale = 1e15;
  const double product = value * kScale;
  double whole = std::nearbyint(product);
  // What the product lost in rounding decides near a half.
  const double rest = (product - whole) + std::fma(value, kScale, -product);
  if (rest > 0.5) whole += 1;
  if (rest < -0.5) whole -= 1;
  return whole / kScale;
}

}  // namespace

void rotate(Image& image, double degrees, Filter filter, const Colour& fill) {
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  if (angle == 0) return;
  const double turn = -(angle * (std::numbers::pi / 180.0));
  const double cosine = roundTo15(std::cos(turn)), sine = roundTo15(std::sin(turn));
  const double x = image.width / 2.0, y = image.height / 2.0;
  affine(image, {cosine, sine, cosine * -x + sine * -y + x, -sine, cosine, -sine * -x + cosine * -y + y}, filter, fill);
}

void affine(Image& image, const Affine& matrix, Filter filter, const Colour& fill) {
  const Source source(image);
  erase(image, {0, 0, image.height, image.width}, fill);
  if (filter == Filter::kNearest) return warpNearest(image, source, matrix);
  const auto sample = filter == Filter::kBilinear ? sampleBilinear : sampleBicubic;
  warpSmooth(image, source, matrix, [&](double x, double y, uint8_t* pixel) { sample(source, x, y, pixel); });
}

}  // namespace mbconv
