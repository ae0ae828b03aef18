#include "data/crop.h"

#include <algorithm>
#include <cmath>

#include "data/random.h"

namespace mbconv {

namespace {

constexpr int kTries = 10;

// Python's round(): halves go to the even number. C++ rounds so by default, too.
int rounded(double value) { return static_cast<int>(std::nearbyint(value)); }

void drawPart(const CropOptions& options, Random& random, int width, int height, Crop& crop) {
  const double area = static_cast<double>(height) * width;
  const double low = std::log(options.ratio[0]), high = std::log(options.ratio[1]);
  for (int i = 0; i < kTries; ++i) {
    const double target = area * random.uniform(options.scale[0], options.scale[1]);
    const double ratio = std::exp(random.uniform(low, high));
    const double w = std::nearbyint(std::sqrt(target * ratio)), h = std::nearbyint(std::sqrt(target / ratio));
    if (!(w > 0 && w <= width && h > 0 && h <= height)) continue;
    crop.width = static_cast<int>(w);
    crop.height = static_cast<int>(h);
    crop.top = static_cast<int>(random.below(static_cast<uint32_t>(height - crop.height + 1)));
    crop.left = static_cast<int>(random.below(static_cast<uint32_t>(width - crop.width + 1)));
    return;
  }
  // The largest centred part of an allowed shape.
  const double shape = static_cast<double>(width) / height;
  crop.width = width;
  crop.height = height;
  if (shape < options.ratio[0]) crop.height = std::clamp(rounded(width / options.ratio[0]), 1, height);
  if (shape > options.ratio[1]) crop.width = std::clamp(rounded(height * options.ratio[1]), 1, width);
  crop.top = (height - crop.height) / 2;
  crop.left = (width - crop.width) / 2;
}

void placeCentre(const CropOptions& options, int width, int height, Crop& crop) {
  // The longer side is rounded down, as in torchvision.
  const auto longer = [&](int side) {
    return static_cast<int>(static_cast<int64_t>(options.shorter) * side / std::min(width, height));
  };
  crop.resizedHeight = longer(height);
  crop.resizedWidth = longer(width);
  crop.resultTop = rounded((crop.resizedHeight - options.height) / 2.0);
  crop.resultLeft = rounded((crop.resizedWidth - options.width) / 2.0);
}

// The greatest size of the picture's shape that fits into the result: ImageOps.contain, but for a side that would round
// to 0. As containedIn of lib/data/images/placement.ts.
void placePadded(const CropOptions& options, int width, int height, Crop& crop) {
  const double own = static_cast<double>(width) / height, wanted = static_cast<double>(options.width) / options.height;
  if (own > wanted)
    crop.resizedHeight = std::max(1, rounded(static_cast<double>(height) / width * options.width));
  else if (own < wanted)
    crop.resizedWidth = std::max(1, rounded(own * options.height));
  crop.resultTop = -rounded((options.height - crop.resizedHeight) / 2.0);
  crop.resultLeft = -rounded((options.width - crop.resizedWidth) / 2.0);
}

}  // namespace

std::optional<CropKind> cropNamed(const std::string& name) {
  if (name == "random") return CropKind::kRandom;
  if (name == "center") return CropKind::kCentre;
  if (name == "whole") return CropKind::kWhole;
  if (name == "pad") return CropKind::kPadded;
  return std::nullopt;
}

Crop drawCrop(const CropOptions& options, uint64_t seed, uint32_t epoch, uint32_t sample, int width, int height) {
  Random random(seed, kCrop, epoch, sample);
  Crop crop;
  crop.width = width;
  crop.height = height;
  crop.resizedHeight = options.height;
  crop.resizedWidth = options.width;
  if (options.kind == CropKind::kRandom) drawPart(options, random, width, height, crop);
  if (options.kind == CropKind::kCentre) placeCentre(options, width, height, crop);
  if (options.kind == CropKind::kPadded) placePadded(options, width, height, crop);
  if (options.filter) {
    crop.filter = *options.filter;
  } else {
    crop.filter = random.below(2) == 0 ? Resampling::kBilinear : Resampling::kBicubic;
  }
  crop.flipped = options.flip > 0 && random.uniform() < options.flip;
  return crop;
}

}  // namespace mbconv
