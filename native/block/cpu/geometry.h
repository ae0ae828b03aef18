// How a block's maps lie in memory, and how the work on them is divided.
//
// Maps lie in blocks of channels: [group of images][block][image][pixel][lanes]. A group is one image where maps are
// large. Small maps are put together, so that products have rows of pixels to work on.
//
// Nothing here depends on the number of threads: sums are divided in the same way whatever it is.
#pragma once

#include <algorithm>
#include <vector>

#include "block/definition/arguments.h"
#include "kernels/cpu/micro/training/table.h"
#include "kernels/cpu/packed.h"

namespace mbconv::block {

// Pixels of a group of images that lie side by side: part of one image, or several images.
struct Run {
  int group = 0;
  int image = 0;  // the first one
  int images = 1;
  int pixel = 0;   // of the image
  int pixels = 0;  // of each image
  int offset = 0;  // from the beginning of the group
  int count() const { return images * pixels; }
};

struct Geometry {
  Geometry(const Arguments& block, const kernels::Table& table);

  const kernels::Table& table;
  int lanes;
  int images, inputs, expanded, outputs;  // channels
  int kernel, stride;
  Side height, width;
  int group;  // images of a group, except perhaps the last
  int groups;

  int blocks(int channels) const { return kernels::roundedUp(channels, lanes) / lanes; }
  int filled(int channels) const { return kernels::roundedUp(channels, lanes); }
  int inputPixels() const { return static_cast<int>(height.input * width.input); }
  int outputPixels() const { return static_cast<int>(height.output * width.output); }

  int firstOf(int group_) const { return group_ * group; }
  int imagesOf(int group_) const { return std::min(group, images - firstOf(group_)); }

  // The groups of each part of the work: `tasks` times as many parts are enough for many threads.
  int parts(int tasks) const { return std::clamp((kTasks + tasks - 1) / tasks, 1, groups); }
  int partBegin(int part, int parts) const { return static_cast<int>(static_cast<int64_t>(groups) * part / parts); }
  int partEnd(int part, int parts) const { return partBegin(part + 1, parts); }

  // A group's pixels in runs of at most `longest`, if an image has more; runs are of nearly the same length.
  std::vector<Run> runs(int pixels, int longest, int firstGroup, int lastGroup) const;
  std::vector<Run> runs(int pixels, int longest) const { return runs(pixels, longest, 0, groups); }
  // Of each part.
  std::vector<std::vector<Run>> partRuns(int pixels, int parts) const {
    std::vector<std::vector<Run>> all;
    for (int part = 0; part < parts; ++part)
      all.push_back(runs(pixels, kernels::kPixelRun, partBegin(part, parts), partEnd(part, parts)));
    return all;
  }
  // The images of a part: from the first to the one before the last.
  int firstImage(int part, int parts) const { return firstOf(partBegin(part, parts)); }
  int lastImage(int part, int parts) const { return std::min(firstOf(partEnd(part, parts)), images); }

 private:
  static constexpr int kTasks = 48;
};

// Where pixels lie: those of the first block of channels, and floats from a pixel and from a block to the next.
struct Pixels {
  float* data = nullptr;
  ptrdiff_t pixel = 0;
  ptrdiff_t plane = 0;
};

// A map of the block, or a temporary of its shape.
struct Map {
  Map() = default;
  // Not initialized.
  Map(const Geometry& geometry, int channels, int pixels);
  // Over a tensor that another map had.
  Map(const Geometry& geometry, int channels, int pixels, at::Tensor tensor);
  // Over a tensor [N, C, H, W] that has() holds for.
  Map(const Geometry& geometry, const at::Tensor& tensor);

  // Whether a tensor [N, C, H, W] can be used as a map where it is: its channels lie side by side, in whole vectors,
  // and aligned as vectors are.
  static bool has(const Geometry& geometry, const at::Tensor& tensor) {
    return tensor.is_contiguous(at::MemoryFormat::ChannelsLast) && tensor.size(1) % geometry.lanes == 0 &&
           reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % (geometry.lanes * sizeof(float)) == 0;
  }

  at::Tensor tensor;
  const Geometry* geometry = nullptr;
  int channels = 0;
  int blocks = 0;
  int pixels = 0;
  float* data = nullptr;
  bool isTensor = false;  // of the order [N, H, W, C]
  ptrdiff_t pixel = 0;    // from a pixel to the next

  // From a block to the next, in a group.
  ptrdiff_t plane(int group) const {
    return isTensor ? geometry->lanes : static_cast<ptrdiff_t>(geometry->imagesOf(group)) * pixels * geometry->lanes;
  }
  float* at(const Run& run, int block) const {
    return group(run.group) + run.offset * pixel + block * plane(run.group);
  }
  Pixels of(const Run& run, int block) const { return {at(run, block), pixel, plane(run.group)}; }
  float* image(int image, int block) const {
    const int group_ = image / geometry->group;
    return group(group_) + (image - geometry->firstOf(group_)) * pixels * pixel + block * plane(group_);
  }

 private:
  float* group(int group) const {
    return data + static_cast<ptrdiff_t>(geometry->firstOf(group)) * blocks * pixels * geometry->lanes;
  }
};

// One image between a tensor [N, C, H, W], contiguous or channels-last, and a map. `pixels` of them, from the first.
void readImage(const at::Tensor& tensor, const Map& map, int image);
// Writes from blocks that lie `plane` floats apart.
void writeImage(const float* blocks, ptrdiff_t plane, int pixels, int lanes, const at::Tensor& tensor, int image,
                int pixel);

// The tensor itself if it is contiguous or channels-last, otherwise a contiguous copy.
at::Tensor inOrder(const at::Tensor& tensor);

}  // namespace mbconv::block
