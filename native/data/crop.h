// Which part of a picture becomes a training image, and how: drawn for each sample of each epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "decode/resize.h"

namespace mbconv {

// Random: a part of random area and shape, as RandomResizedCrop of torchvision and timm. Centre: the shorter side is
// resized to `shorter`, then the centre is cut out, as by torchvision's Resize and CenterCrop. Whole: the picture is
// stretched. Padded: the picture keeps its shape, and a colour fills the rest, as by Pillow's ImageOps.pad.
enum class CropKind { kRandom, kCentre, kWhole, kPadded };

std::optional<CropKind> cropNamed(const std::string& name);

struct CropOptions {
  CropKind kind = CropKind::kWhole;
  // Size of the result, px.
  int height = 0;
  int width = 0;
  // Random: least and greatest share of the area, and quotient of width and height.
  double scale[2] = {1, 1};
  double ratio[2] = {1, 1};
  // Centre, px.
  int shorter = 0;
  // Padded: red, green, blue.
  uint8_t fill[3] = {0, 0, 0};
  // None: one of the two at random.
  std::optional<Resampling> filter;
  // Probability of exchanging left and right.
  double flip = 0;
};

// What becomes of one upright picture.
struct Crop {
  // The part that is cut out, px.
  int left = 0, top = 0, width = 0, height = 0;
  // The size that it is resized to, and the position of the result in that. Negative where the result begins before it.
  int resizedHeight = 0, resizedWidth = 0, resultTop = 0, resultLeft = 0;
  Resampling filter = Resampling::kBilinear;
  bool flipped = false;
};

// Draws with KeyedRandom(seed, PURPOSE.crop, epoch, sample): the part (two numbers a try, then two for its position),
// then the filter, then the flip, each only where something is random.
Crop drawCrop(const CropOptions& options, uint64_t seed, uint32_t epoch, uint32_t sample, int width, int height);

}  // namespace mbconv
