// Operations on colours, and those on parts of an image.
//
// Pillow mostly rounds by cutting decimals off, so the result depends on the precision (float or double) and on the
// order of every step. Both are Pillow's here, too. CMakeLists.txt compiles this file without fused multiply-add, which
// would round differently.
#include <ATen/core/PhiloxRNGEngine.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/image.h"

namespace mbconv {

namespace {

constexpr int kChannels = kImageChannels;

using Table = std::array<uint8_t, 256>;
using Histogram = std::array<int64_t, 256>;

template <class Number>
uint8_t clip8(Number value) {
  return static_cast<uint8_t>(std::clamp<Number>(value, 0, 255));
}

template <class Map>
Table tableOf(Map map) {
  Table table;
  for (int value = 0; value < 256; ++value) table[value] = map(value);
  return table;
}

void lookUp(Image& image, const Table& table) {
  for (uint8_t& value : image.pixels) value = table[value];
}

// Gives each channel the table that `makeTable` computes from its histogram.
template <class MakeTable>
void lookUpByHistogram(Image& image, MakeTable makeTable) {
  for (int channel = 0; channel < kChannels; ++channel) {
    Histogram histogram{};
    for (size_t i = channel; i < image.pixels.size(); i += kChannels) ++histogram[image.pixels[i]];
    const Table table = makeTable(histogram);
    for (size_t i = channel; i < image.pixels.size(); i += kChannels) image.pixels[i] = table[image.pixels[i]];
  }
}

Table identity() {
  return tableOf([](int value) { return value; });
}

// ITU-R 601-2 in 16-bit fixed point, rounded.
int luma(const uint8_t* pixel) { return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16; }

// Image.blend for one value. Pillow computes it in single precision.
uint8_t blended(int from, int to, float share) {
  return clip8(static_cast<float>(from) + share * static_cast<float>(to - from));
}

// Blends from a degenerate picture, given by its value for a pixel, to the image.
template <class Degenerate>
void enhance(Image& image, double factor, Degenerate degenerate) {
  const auto share = static_cast<float>(factor);
  for (size_t i = 0; i < image.pixels.size(); i += kChannels) {
    uint8_t* pixel = &image.pixels[i];
    const int from = degenerate(pixel);
    for (int c = 0; c < kChannels; ++c) pixel[c] = blended(from, pixel[c], share);
  }
}

// Pillow's HSV: three bytes, the hue a full circle of 255 steps.
struct Hsv {
  int hue, saturation, value;
};

Hsv toHsv(const uint8_t* pixel) {
  const int r = pixel[0], g = pixel[1], b = pixel[2];
  const int high = std::max({r, g, b}), low = std::min({r, g, b});
  if (high == low) return {0, 0, high};
  const auto range = static_cast<float>(high - low);
  const float saturation = range / static_cast<float>(high);
  const float red = static_cast<float>(high - r) / range;
  const float green = static_cast<float>(high - g) / range;
  const float blue = static_cast<float>(high - b) / range;
  float hue;  // in sixths of the circle; Pillow rounds it to a float twice
  if (r == high) {
    hue = blue - green;
  } else if (g == high) {
    hue = static_cast<float>(2.0 + red - blue);
  } else {
    hue = static_cast<float>(4.0 + green - red);
  }
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  return {clip8(static_cast<int>(hue * 255.0)), clip8(static_cast<int>(saturation * 255.0)), high};
}

void fromHsv(const Hsv& hsv, uint8_t* pixel) {
  const double value = hsv.value;
  const double sixths = static_cast<float>(hsv.hue) * 6.0 / 255.0;
  const int sector = static_cast<int>(sixths);
  const auto rest = static_cast<float>(sixths - static_cast<float>(sector));
  const auto saturation = static_cast<float>(static_cast<float>(hsv.saturation) / 255.0);
  const auto top = static_cast<uint8_t>(hsv.value);
  const uint8_t bottom = clip8(static_cast<int>(std::round(value * (1.0 - saturation))));
  // As in Pillow, the first product is one of floats, and the second one of doubles.
  const uint8_t falling = clip8(static_cast<int>(std::round(value * (1.0 - saturation * rest))));
  const uint8_t rising = clip8(static_cast<int>(std::round(value * (1.0 - saturation * (1.0 - rest)))));
  const std::array<Colour, 6> sectors = {{{top, rising, bottom},
                                          {falling, top, bottom},
                                          {bottom, top, rising},
                                          {bottom, falling, top},
                                          {rising, bottom, top},
                                          {top, bottom, falling}}};
  std::ranges::copy(sectors[sector % 6], pixel);
}

// The radius of the box that, applied three times, comes near a normal distribution (Gwosdek et al., SSVM 2011,
// equations 7, 11 and 14).
float boxRadius(float deviation) {
  const float variance = deviation * deviation / 3;
  const auto length = static_cast<float>(std::sqrt(12.0 * variance + 1.0));
  const auto whole = static_cast<float>(std::floor((length - 1.0) / 2.0));
  float rest = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
  rest /= 6 * (variance - (whole + 1) * (whole + 1));
  return whole + rest;
}

// Blurs `count` values that are `stride` apart, in place. `line` is scratch memory for them.
void boxBlurLine(uint8_t* values, int count, size_t stride, float radius, std::vector<uint8_t>& line) {
  const int reach = static_cast<int>(radius), last = count - 1;
  // Weights of the whole pixels and of the two at the ends, in 8.24 fixed point.
  const auto inner = static_cast<uint32_t>(static_cast<float>(1 << 24) / (radius * 2 + 1));
  const uint32_t outer = ((1 << 24) - (reach * 2 + 1) * inner) / 2;
  line.resize(count);
  for (int i = 0; i < count; ++i) line[i] = values[i * stride];
  const auto at = [&](int i) -> uint32_t { return line[std::clamp(i, 0, last)]; };
  uint32_t sum = 0;
  for (int i = -reach - 1; i < reach; ++i) sum += at(i);
  for (int i = 0; i < count; ++i) {
    sum += at(i + reach) - at(i - reach - 1);
    const uint32_t bulk = sum * inner + (at(i - reach - 1) + at(i + reach + 1)) * outer;
    values[i * stride] = static_cast<uint8_t>((bulk + (1 << 23)) >> 24);
  }
}

// A sequence of standard normal numbers (Box and Muller), from libtorch's Philox4x32-10.
class Normal {
 public:
  explicit Normal(uint64_t key) : engine_(key, /*subsequence=*/0, /*offset=*/0) {}

  double operator()() {
    if (spare_) {
      spare_ = false;
      return second_;
    }
    const double uniform = (engine_() + 1.0) / 4294967296.0;  // (0, 1]: has a logarithm
    const double angle = engine_() * (2 * std::numbers::pi / 4294967296.0);
    const double length = std::sqrt(-2 * std::log(uniform));
    second_ = length * std::sin(angle);
    spare_ = true;
    return length * std::cos(angle);
  }

 private:
  at::Philox4_32 engine_;
  double second_ = 0;
  bool spare_ = false;
};

// Calls `paint(pixel)` for the pixels of a box, row by row.
template <class Paint>
void eachPixel(Image& image, const Box& box, Paint paint) {
  for (int y = box.top; y < box.top + box.height; ++y) {
    for (int x = box.left; x < box.left + box.width; ++x) paint(image.at(x, y));
  }
}

}  // namespace

void flip(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    for (int left = 0, right = image.width - 1; left < right; ++left, --right)
      std::swap_ranges(image.at(left, y), image.at(left + 1, y), image.at(right, y));
  }
}

void invert(Image& image) {
  lookUp(image, tableOf([](int value) { return 255 - value; }));
}

void posterize(Image& image, int bits) {
  lookUp(image, tableOf([bits](int value) { return value & ~((1 << (8 - bits)) - 1); }));
}

void solarize(Image& image, double threshold) {
  lookUp(image, tableOf([threshold](int value) { return value < threshold ? value : 255 - value; }));
}

void solarizeAdd(Image& image, int addition, int threshold) {
  lookUp(image, tableOf([=](int value) { return value < threshold ? std::min(255, value + addition) : value; }));
}

void autocontrast(Image& image) {
  lookUpByHistogram(image, [](const Histogram& histogram) {
    int low = 0, high = 255;
    while (low < 255 && histogram[low] == 0) ++low;
    while (high > 0 && histogram[high] == 0) --high;
    if (high <= low) return identity();
    const double scale = 255.0 / (high - low), offset = -low * scale;
    return tableOf([=](int value) { return clip8(static_cast<int>(value * scale + offset)); });
  });
}

void equalize(Image& image) {
  lookUpByHistogram(image, [](const Histogram& histogram) {
    int64_t sum = 0, last = 0, levels = 0;
    for (int64_t count : histogram) {
      if (count == 0) continue;
      sum += count;
      last = count;
      ++levels;
    }
    const int64_t step = (sum - last) / 255;
    if (levels <= 1 || step == 0) return identity();
    int64_t below = step / 2;
    return tableOf([&](int value) {
      const uint8_t level = clip8(below / step);
      below += histogram[value];
      return level;
    });
  });
}

void color(Image& image, double factor) { enhance(image, factor, luma); }

void contrast(Image& image, double factor) {
  int64_t sum = 0;
  for (size_t i = 0; i < image.pixels.size(); i += kChannels) sum += luma(&image.pixels[i]);
  const int64_t pixels = int64_t{image.height} * image.width;
  const auto mean = static_cast<int>((2 * sum + pixels) / (2 * pixels));  // rounded, a half up
  enhance(image, factor, [mean](const uint8_t*) { return mean; });
}

void brightness(Image& image, double factor) {
  enhance(image, factor, [](const uint8_t*) { return 0; });
}

// The degenerate image is ImageFilter.SMOOTH's: a mean over 3 × 3 pixels, in which the one in the middle counts five
// times.
void sharpness(Image& image, double factor) {
  if (image.height < 3 || image.width < 3) return;  // the filter leaves the outermost pixels as they are
  const std::vector<uint8_t> source(image.pixels.begin(), image.pixels.end());
  const auto share = static_cast<float>(factor);
  constexpr float kSide = 1.0f / 13.0f, kMiddle = 5.0f / 13.0f;
  const auto three = [](const uint8_t* at, float middle) {
    return at[-kChannels] * kSide + at[0] * middle + at[kChannels] * kSide;
  };
  const size_t row = image.rowBytes();
  for (size_t y = 1; y + 1 < static_cast<size_t>(image.height); ++y) {
    for (size_t i = y * row + kChannels; i < (y + 1) * row - kChannels; ++i) {
      const uint8_t* at = &source[i];
      float smooth = 0.5f;
      smooth += three(at + row, kSide);
      smooth += three(at, kMiddle);
      smooth += three(at - row, kSide);
      image.pixels[i] = blended(clip8(smooth), *at, share);
    }
  }
}

void grayscale(Image& image) {
  for (size_t i = 0; i < image.pixels.size(); i += kChannels)
    std::fill_n(&image.pixels[i], kChannels, static_cast<uint8_t>(luma(&image.pixels[i])));
}

// torchvision's adjust_hue for Pillow images: 255 steps are added modulo 256.
void hue(Image& image, double shift) {
  const int steps = static_cast<int>(shift * 255);
  for (size_t i = 0; i < image.pixels.size(); i += kChannels) {
    Hsv hsv = toHsv(&image.pixels[i]);
    hsv.hue = (hsv.hue + steps) & 255;
    fromHsv(hsv, &image.pixels[i]);
  }
}

void gaussianBlur(Image& image, double radius) {
  const float box = boxRadius(static_cast<float>(radius));
  if (box == 0) return;
  std::vector<uint8_t> line;
  const size_t row = image.rowBytes();
  const auto blur = [&](size_t first, int count, size_t stride) {
    for (int pass = 0; pass < 3; ++pass) boxBlurLine(&image.pixels[first], count, stride, box, line);
  };
  for (int y = 0; y < image.height; ++y) {
    for (int c = 0; c < kChannels; ++c) blur(y * row + c, image.width, kChannels);
  }
  for (size_t i = 0; i < row; ++i) blur(i, image.height, row);
}

void erase(Image& image, const Box& box, const Colour& colour) {
  eachPixel(image, box, [&](uint8_t* pixel) { std::ranges::copy(colour, pixel); });
}

void eraseNoise(Image& image, const Box& box, const std::array<double, kChannels>& mean,
                const std::array<double, kChannels>& deviation, uint64_t key) {
  Normal normal(key);
  eachPixel(image, box, [&](uint8_t* pixel) {
    for (int c = 0; c < kChannels; ++c) pixel[c] = clip8(std::nearbyint(mean[c] + deviation[c] * normal()));
  });
}

Mix::Mix(const Image& image) : original_(image.pixels.begin(), image.pixels.end()), sum_(image.pixels.size(), 0.0f) {}

void Mix::add(Image& image, double weight) {
  const auto share = static_cast<float>(weight);
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += share * static_cast<float>(image.pixels[i]);
  std::ranges::copy(original_, image.pixels.begin());
}

void Mix::finish(Image& image, double share) const {
  for (size_t i = 0; i < sum_.size(); ++i)
    image.pixels[i] = blended(original_[i], clip8(sum_[i]), static_cast<float>(share));
}

}  // namespace mbconv
