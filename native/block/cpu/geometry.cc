#include "block/cpu/geometry.h"

#include <ATen/ops/empty.h>

#include <cstring>

namespace mbconv::block {

Geometry::Geometry(const Arguments& block, const kernels::Table& table)
    : table(table),
      lanes(table.lanes),
      images(static_cast<int>(block.input.size(0))),
      inputs(static_cast<int>(block.input.size(1))),
      expanded(static_cast<int>(block.depthwise.size(0))),
      outputs(static_cast<int>(block.project.size(0))),
      kernel(static_cast<int>(block.depthwise.size(2))),
      stride(static_cast<int>(block.settings.stride)),
      height(sideOf(block.input.size(2), kernel, block.settings)),
      width(sideOf(block.input.size(3), kernel, block.settings)),
      group(std::clamp(kernels::kPixelRun / outputPixels(), 1, images)),
      groups((images + group - 1) / group) {}

std::vector<Run> Geometry::runs(int pixels, int longest, int firstGroup, int lastGroup) const {
  std::vector<Run> runs;
  for (int g = firstGroup; g < lastGroup; ++g) {
    const int first = firstOf(g);
    const int last = first + imagesOf(g);
    if (2 * pixels <= longest) {
      const int count = (last - first + longest / pixels - 1) / (longest / pixels);
      for (int i = 0; i < count; ++i) {
        const int from = first + (last - first) * i / count;
        const int to = first + (last - first) * (i + 1) / count;
        runs.push_back({g, from, to - from, 0, pixels, (from - first) * pixels});
      }
      continue;
    }
    const int count = (pixels + longest - 1) / longest;
    for (int image = first; image < last; ++image) {
      for (int i = 0; i < count; ++i) {
        const int from = static_cast<int>(static_cast<int64_t>(pixels) * i / count);
        const int to = static_cast<int>(static_cast<int64_t>(pixels) * (i + 1) / count);
        runs.push_back({g, image, 1, from, to - from, (image - first) * pixels + from});
      }
    }
  }
  return runs;
}

namespace {

at::Tensor floats(const Geometry& geometry, int blocks, int pixels) {
  return at::empty({static_cast<int64_t>(geometry.images) * blocks * pixels * geometry.lanes}, at::kFloat);
}

}  // namespace

Map::Map(const Geometry& geometry, int channels, int pixels)
    : Map(geometry, channels, pixels, floats(geometry, geometry.blocks(channels), pixels)) {}

Map::Map(const Geometry& geometry, int channels, int pixels, at::Tensor memory)
    : tensor(std::move(memory)),
      geometry(&geometry),
      channels(channels),
      blocks(geometry.blocks(channels)),
      pixels(pixels),
      data(tensor.data_ptr<float>()),
      pixel(geometry.lanes) {}

Map::Map(const Geometry& geometry, const at::Tensor& tensor)
    : Map(geometry, static_cast<int>(tensor.size(1)), static_cast<int>(tensor.size(2) * tensor.size(3)), tensor) {
  isTensor = true;
  pixel = channels;
}

at::Tensor inOrder(const at::Tensor& tensor) {
  return tensor.is_contiguous(at::MemoryFormat::ChannelsLast) ? tensor : tensor.contiguous();
}

namespace {

// Copies `count` floats of each pixel. Counts of whole vectors, or of half of one, are known to the compiler.
template <int count>
void copyPixels(float* to, ptrdiff_t toPixel, const float* from, ptrdiff_t fromPixel, int pixels) {
  for (int m = 0; m < pixels; ++m, to += toPixel, from += fromPixel) std::memcpy(to, from, count * sizeof(float));
}
void copyPixels(int count, float* to, ptrdiff_t toPixel, const float* from, ptrdiff_t fromPixel, int pixels) {
  if (count == 16) return copyPixels<16>(to, toPixel, from, fromPixel, pixels);
  if (count == 8) return copyPixels<8>(to, toPixel, from, fromPixel, pixels);
  if (count == 4) return copyPixels<4>(to, toPixel, from, fromPixel, pixels);
  for (int m = 0; m < pixels; ++m, to += toPixel, from += fromPixel) std::copy_n(from, count, to);
}

}  // namespace

void readImage(const at::Tensor& tensor, const Map& map, int image) {
  const int lanes = map.geometry->lanes;
  const float* from = tensor.const_data_ptr<float>() + static_cast<ptrdiff_t>(image) * map.channels * map.pixels;
  const bool channelsLast = tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
  for (int block = 0; block < map.blocks; ++block) {
    const int first = block * lanes;
    const int channels = std::min(lanes, map.channels - first);
    float* to = map.image(image, block);
    if (channels < lanes) std::memset(to, 0, static_cast<size_t>(map.pixels) * lanes * sizeof(float));
    if (channelsLast) {
      copyPixels(channels, to, lanes, from + first, map.channels, map.pixels);
      continue;
    }
    for (int m = 0; m < map.pixels; ++m, to += lanes)
      for (int c = 0; c < channels; ++c) to[c] = from[static_cast<ptrdiff_t>(first + c) * map.pixels + m];
  }
}

void writeImage(const float* blocks, ptrdiff_t plane, int pixels, int lanes, const at::Tensor& tensor, int image,
                int pixel) {
  const int channels = static_cast<int>(tensor.size(1));
  const ptrdiff_t all = tensor.size(2) * tensor.size(3);
  float* to = tensor.data_ptr<float>() + all * image * channels;
  const bool channelsLast = tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
  for (int first = 0; first < channels; first += lanes, blocks += plane) {
    const int count = std::min(lanes, channels - first);
    const float* from = blocks;
    if (channelsLast) {
      copyPixels(count, to + static_cast<ptrdiff_t>(pixel) * channels + first, channels, from, lanes, pixels);
      continue;
    }
    for (ptrdiff_t m = pixel; m < pixel + pixels; ++m, from += lanes)
      for (int c = 0; c < count; ++c) to[(first + c) * all + m] = from[c];
  }
}

}  // namespace mbconv::block
