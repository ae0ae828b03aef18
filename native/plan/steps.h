// The steps of a plan, for one size of image: layers, joined where that saves a pass over memory.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kernels/cpu/crew.h"
#include "plan/geometry.h"
#include "plan/layers.h"

namespace mbconv::plan {

// The weights of a layer, packed; nothing for a layer without.
using Weights = std::variant<std::monostate, std::unique_ptr<kernels::PackedMatrix>,
                             std::unique_ptr<kernels::PackedDepthwise>, std::unique_ptr<kernels::PackedSqueezeExcite>>;

// An image as it came: strides in floats.
struct Image {
  const float* data = nullptr;
  int64_t channel = 0, row = 0, pixel = 0;
};

// What a step runs with: the values of one image, and the threads that share the work.
struct Run {
  const Geometry& geometry;
  float* arena = nullptr;
  const std::vector<float*>& scratch;  // of each thread
  kernels::Borrowed* crew = nullptr;   // null: the thread with the first scratch works alone
  Image image;

  float* place(int index) const { return arena + geometry.offset(index); }
  float* value(int index) const { return place(geometry.placeOf(index)); }
  // Calls body(task, scratch) for each task.
  template <class Body>
  void each(int tasks, const Body& body) const {
    if (crew == nullptr) {
      for (int task = 0; task < tasks; ++task) body(task, scratch[0]);
    } else {
      crew->each(tasks, [&](int task, int thread) { body(task, scratch[thread]); });
    }
  }
};

// What a step computes, for profiles.
struct Work {
  std::string kernel;  // "expand + depthwise", …
  std::string shape;   // "56 x 56 x 24 → 28 x 28 x 144"
  double flops = 0;    // of the multiplications and additions of convolutions
};

class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const Run& run) const = 0;
  virtual Work work() const = 0;
};

// The network and its weights, which all sizes of images share.
struct Network {
  const kernels::Table& table;
  std::vector<Layer> layers;
  std::vector<Weights> weights;  // of each layer
  std::vector<int> readers;      // layers that read each value

  const kernels::PackedMatrix& matrix(int layer) const;
  const kernels::PackedDepthwise& depthwise(int layer) const;
  const kernels::PackedSqueezeExcite& squeezeExcite(int layer) const;
};

// The steps for one image [channels, height, width]: the layers before the first linear one. Fills in `geometry`.
//
// Throws ERR_SHAPE for an image that is too small, ERR_NOT_IMPLEMENTED for an order of layers that no step has.
std::vector<std::unique_ptr<Step>> makeSteps(const Network& network, int height, int width, Geometry& geometry);

// The shapes of a step's input and output in words.
std::string arrow(const Shape& from, const Shape& to);
// Twice the products of a convolution to that shape.
double flopsOf(const Layer& layer, const Shape& to);

struct Making {
  const Network& network;
  Geometry& geometry;
  int step;  // the number of the step being made
};
std::unique_ptr<Step> makeImageStep(const Making& making, int layer);
std::unique_ptr<Step> makeConvStep(const Making& making, int layer);
std::unique_ptr<Step> makeFrontStep(const Making& making, int expand, int depthwise);  // expand: negative for none
std::unique_ptr<Step> makeFusedStep(const Making& making, int conv, int project);      // project: negative for none
std::unique_ptr<Step> makeHeadStep(const Making& making, int conv, int pool);
std::unique_ptr<Step> makeGateStep(const Making& making, int layer);
std::unique_ptr<Step> makePoolStep(const Making& making, int layer);

}  // namespace mbconv::plan
