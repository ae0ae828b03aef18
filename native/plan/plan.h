// A network planned for prediction: packed weights, and for each size of image an arena and the steps in it.
#pragma once

#include <ATen/core/Tensor.h>

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "plan/steps.h"

namespace mbconv::plan {

class Plan {
 public:
  // The layers as readLayers() takes them. The first reads the image; linear layers are the last ones.
  //
  // Throws ERR_VALUE.
  Plan(std::vector<Layer> layers, std::vector<at::Tensor> tensors);

  // images [N, channels, height, width] float32 on the CPU, in any layout → [N, outputs of the last layer]
  //
  // Throws ERR_SHAPE, ERR_TYPE, ERR_OOM.
  at::Tensor run(const at::Tensor& images);

  // What the steps take for the first of the images, on all threads: the median over so many runs.
  struct Timed {
    Work work;
    double seconds = 0;
  };
  std::vector<Timed> profile(const at::Tensor& images, int runs);

  // Gives the arenas and the packed weights back; the next run makes them again.
  void drop();
  // Bytes of packed weights and of arenas.
  size_t bytes() const;

 private:
  struct Sized {
    int height, width;
    std::unique_ptr<Geometry> geometry;
    std::vector<std::unique_ptr<Step>> steps;
    std::vector<kernels::Buffer> arenas;   // of the images that are computed side by side
    std::vector<kernels::Buffer> scratch;  // of each thread
  };

  void pack();
  Sized& sized(int height, int width);
  void check(const at::Tensor& images) const;
  void computeImages(Sized& sized, const at::Tensor& images, kernels::Borrowed& crew, float* pooled);
  at::Tensor computeLinear(const float* pooled, int64_t images, kernels::Borrowed& crew) const;

  std::vector<at::Tensor> tensors_;
  std::vector<int64_t> versions_;  // of the tensors when they were packed
  std::unique_ptr<Network> network_;
  int pooled_ = 0;  // the value behind the last step
  size_t firstLinear_ = 0;
  std::list<Sized> sizes_;  // the one used last comes first
};

}  // namespace mbconv::plan
