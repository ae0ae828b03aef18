// Padding and resampling.
#include <ATen/Functions.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Sizes = std::vector<int64_t>;
using Factors = std::vector<double>;

Tensor pad(const Tensor& input, Sizes amounts, std::string mode, std::optional<double> value) {
  for (int64_t amount : amounts) {
    // libtorch adds the amounts unchecked, and writes out of bounds when the sum overflows.
    if (amount > (int64_t{1} << 40) || amount < -(int64_t{1} << 40))
      throw Error("ERR_VALUE", "amounts must be at most 2^40, got " + std::to_string(amount));
  }
  return at::pad(input, amounts, mode, value);
}

// Mean of the input pixels that each output pixel covers.
Tensor area(const Tensor& input, const Sizes& size) {
  switch (input.dim()) {
    case 3:
      return at::adaptive_avg_pool1d(input, size);
    case 4:
      return at::adaptive_avg_pool2d(input, size);
    default:
      return at::adaptive_avg_pool3d(input, size);
  }
}

// Resamples input [N, C, …], with one to three dimensions to resample, to a size or by factors. libtorch takes only one
// of the two.
Tensor interpolate(const Tensor& input, std::optional<Sizes> size, std::optional<Factors> factors, std::string mode,
                   bool alignCorners, bool antialias) {
  const int64_t dims = input.dim() - 2;
  if (dims < 1 || dims > 3) throw Error("ERR_SHAPE", "input needs three to five dimensions, [N, C, …]");
  if (size.has_value() == factors.has_value()) throw Error("ERR_VALUE", "give either size or scaleFactor");
  const size_t given = size ? size->size() : factors->size();
  if (given != static_cast<size_t>(dims))
    throw Error("ERR_SHAPE", std::string(size ? "size" : "scaleFactor") + " must have " + std::to_string(dims) +
                                 " elements, one for each dimension after the channels, got " + std::to_string(given));
  if (size) checkPositive(*size, "output size");
  if (factors) {
    for (int64_t i = 0; i < dims; ++i) {
      const double length = static_cast<double>(input.size(i + 2)) * (*factors)[i];
      if (!(length >= 1 && length < 1e9))
        throw Error("ERR_VALUE", "scaleFactor gives no size from 1 to 10^9: " + std::to_string(length));
    }
  }
  if (alignCorners && (mode == "area" || mode.starts_with("nearest")))
    throw Error("ERR_VALUE", "alignCorners is for the modes linear, bilinear, bicubic and trilinear");
  if (antialias && mode != "bilinear" && mode != "bicubic")
    throw Error("ERR_VALUE", "antialias is for the modes bilinear and bicubic");
  if (mode == "area") {
    if (!size) {
      size.emplace();
      for (int64_t i = 0; i < dims; ++i)
        size->push_back(static_cast<int64_t>(static_cast<double>(input.size(i + 2)) * (*factors)[i]));
    }
    return area(input, *size);
  }

  const auto to = size ? at::OptionalIntArrayRef(*size) : at::OptionalIntArrayRef();
  const std::optional<at::ArrayRef<double>> by = factors ? std::optional(at::ArrayRef<double>(*factors)) : std::nullopt;
  if (mode == "nearest") {
    if (dims == 1) return at::upsample_nearest1d(input, to, by);
    return dims == 2 ? at::upsample_nearest2d(input, to, by) : at::upsample_nearest3d(input, to, by);
  }
  if (mode == "nearest-exact") {
    if (dims == 1) return at::_upsample_nearest_exact1d(input, to, by);
    return dims == 2 ? at::_upsample_nearest_exact2d(input, to, by) : at::_upsample_nearest_exact3d(input, to, by);
  }
  const auto only = [&](int64_t wanted) {
    if (dims != wanted)
      throw Error("ERR_SHAPE", "mode '" + mode + "' needs an input of " + std::to_string(wanted + 2) + " dimensions");
  };
  if (mode == "linear") return only(1), at::upsample_linear1d(input, to, alignCorners, by);
  if (mode == "bilinear" && antialias) return only(2), at::_upsample_bilinear2d_aa(input, to, alignCorners, by);
  if (mode == "bilinear") return only(2), at::upsample_bilinear2d(input, to, alignCorners, by);
  if (mode == "bicubic" && antialias) return only(2), at::_upsample_bicubic2d_aa(input, to, alignCorners, by);
  if (mode == "bicubic") return only(2), at::upsample_bicubic2d(input, to, alignCorners, by);
  if (mode == "trilinear") return only(3), at::upsample_trilinear3d(input, to, alignCorners, by);
  throw Error("ERR_VALUE",
              "unknown mode '" + mode + "'; known: nearest, nearest-exact, linear, bilinear, bicubic, trilinear, area");
}

// libtorch's number for a word.
int64_t numberOf(const std::string& word, std::initializer_list<const char*> words, const char* what) {
  int64_t number = 0;
  std::string known;
  for (const char* candidate : words) {
    if (word == candidate) return number;
    known += (number++ ? ", " : "") + std::string(candidate);
  }
  throw Error("ERR_VALUE", std::string("unknown ") + what + " '" + word + "'; known: " + known);
}
Tensor gridSample(const Tensor& input, const Tensor& grid, std::string mode, std::string padding, bool alignCorners) {
  return at::grid_sampler(input, grid, numberOf(mode, {"bilinear", "nearest", "bicubic"}, "mode"),
                          numberOf(padding, {"zeros", "border", "reflection"}, "padding mode"), alignCorners);
}
Tensor affineGrid(const Tensor& theta, Sizes size, bool alignCorners) {
  checkPositive(size, "size");
  if (!theta.is_floating_point()) throw Error("ERR_TYPE", "theta must be floating-point");
  const auto dims = static_cast<int64_t>(size.size()) - 2;
  if (dims != 2 && dims != 3) throw Error("ERR_SHAPE", "size must be [N, C, H, W] or [N, C, D, H, W]");
  if (theta.dim() != 3 || theta.size(1) != dims || theta.size(2) != dims + 1)
    throw Error("ERR_SHAPE", "theta must be [N, " + std::to_string(dims) + ", " + std::to_string(dims + 1) + "]");
  return at::affine_grid_generator(theta, size, alignCorners);
}

template <auto Fn>
Tensor shuffle(const Tensor& input, int64_t factor) {
  checkPositive({factor}, "factor");
  return Fn(input, factor);
}
using Shuffle = Tensor (*)(const Tensor&, int64_t);

}  // namespace

void initResample(const Exports& exports) {
  bind<&pad>(exports, "pad", {"input", "amounts", "mode", "value"});
  bind<&interpolate>(exports, "interpolate", {"input", "size", "scaleFactor", "mode", "alignCorners", "antialias"});
  bind<&gridSample>(exports, "gridSample", {"input", "grid", "mode", "paddingMode", "alignCorners"});
  bind<&affineGrid>(exports, "affineGrid", {"theta", "size", "alignCorners"});
  bind<&shuffle<static_cast<Shuffle>(&at::pixel_shuffle)>>(exports, "pixelShuffle", {"input", "factor"});
  bind<&shuffle<static_cast<Shuffle>(&at::pixel_unshuffle)>>(exports, "pixelUnshuffle", {"input", "factor"});
  bind<&shuffle<static_cast<Shuffle>(&at::channel_shuffle)>>(exports, "channelShuffle", {"input", "groups"});
}

}  // namespace mbconv
