// RGB photographs in memory, and the operations that augmentation is made of, bit for bit as Pillow computes them.
//
// Each operation changes the image in place and keeps its size. It takes arguments that are right: program.cc checks
// them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mbconv {

constexpr int kImageChannels = 3;

// Bytes that someone else owns: row by row, pixel by pixel, red, green and blue.
struct Image {
  int height = 0;
  int width = 0;
  int channels = kImageChannels;
  std::span<uint8_t> pixels;  // height · width · channels

  size_t rowBytes() const { return static_cast<size_t>(width) * channels; }
  uint8_t* at(int x, int y) const { return pixels.data() + y * rowBytes() + static_cast<size_t>(x) * channels; }
};

// How the source is sampled between its pixels. The values are Pillow's.
enum class Filter { kNearest = 0, kBilinear = 2, kBicubic = 3 };

using Colour = std::array<uint8_t, kImageChannels>;

// Output point (x, y) shows source point (a x + b y + c, d x + e y + f), in pixels from the upper left corner.
using Affine = std::array<double, 6>;

struct Box {
  int top, left, height, width;
};

// Mirrors left and right.
void flip(Image& image);

// --- each value by itself
// -----------------------------------------------------------------------------------------------
void invert(Image& image);
// Keeps the highest bits, 0 … 8.
void posterize(Image& image, int bits);
// Inverts values from the threshold on.
void solarize(Image& image, double threshold);
// Adds to values below the threshold, up to 255.
void solarizeAdd(Image& image, int addition, int threshold);

// --- by the histogram of each channel
// -----------------------------------------------------------------------------------
void autocontrast(Image& image);
void equalize(Image& image);

// --- ImageEnhance: 1 leaves the image, 0 gives the degenerate one, and 2 is as far beyond
// ----------------------------------
void color(Image& image, double factor);
void contrast(Image& image, double factor);
void brightness(Image& image, double factor);
void sharpness(Image& image, double factor);

void grayscale(Image& image);
// Turns the hue by a share of the circle, -0.5 … 0.5.
void hue(Image& image, double shift);

// ImageFilter.GaussianBlur: three box blurs. The radius is the standard deviation in pixels.
void gaussianBlur(Image& image, double radius);

// --- geometry: what lies outside the source gets the fill colour
// ------------------------------------------------------------ Counter-clockwise about the centre.
void rotate(Image& image, double degrees, Filter filter, const Colour& fill);
void affine(Image& image, const Affine& matrix, Filter filter, const Colour& fill);

// --- a box inside the image
// -------------------------------------------------------------------------------------------------
void erase(Image& image, const Box& box, const Colour& colour);
// Normal noise of a mean and a standard deviation for each channel, cut off at 0 and 255. The key decides it.
void eraseNoise(Image& image, const Box& box, const std::array<double, kImageChannels>& mean,
                const std::array<double, kImageChannels>& deviation, uint64_t key);

// AugMix: a weighted sum of variations of one image, blended with the image.
class Mix {
 public:
  explicit Mix(const Image& image);
  // Adds the image, weighted, and gives it its original values again.
  void add(Image& image, double weight);
  // The image becomes original · (1 - share) + sum · share.
  void finish(Image& image, double share) const;

 private:
  std::vector<uint8_t> original_;
  std::vector<float> sum_;
};

}  // namespace mbconv
