// Squeeze-and-excitation, poolings, and the last convolution with the pooling behind it.
#include <limits>

#include "plan/source.h"
#include "plan/steps.h"
#include "plan/window.h"

namespace mbconv::plan {

namespace {

using kernels::PackedMatrix;

// The gate multiplies a map of at most so many pixels; beyond, it multiplies the weights of the next convolution, which
// are fewer numbers then.
constexpr int kSmallMap = 256;
// Products of a half of squeeze-and-excitation from which on several threads share it.
constexpr int64_t kSharedProducts = 8192;

class GateStep : public Step {
 public:
  GateStep(const Making& making, int index)
      : layer_(making.network.layers[index]), weights_(making.network.squeezeExcite(index)), value_(index + 1) {
    Geometry& geometry = making.geometry;
    const Shape input = geometry.shapes[layer_.input];
    input_ = input;
    pixels_ = input.pixels();
    plane_ = geometry.plane(input);
    blocks_ = geometry.blocks(input.channels);
    channels_ = blocks_ * geometry.table.lanes;
    const auto made = geometry.sums.find(layer_.input);
    if (made != geometry.sums.end()) {
      sums_ = made->second;
      geometry.use(sums_.place, making.step);
    } else {
      sums_ = {geometry.reserve(channels_, making.step), 1};
      sumsMap_ = true;
    }
    mean_ = geometry.reserve(channels_, making.step);
    hidden_ = geometry.reserve(layer_.squeezed, making.step);
    geometry.useValue(layer_.input, making.step);
    geometry.shapes[value_] = {layer_.outputs, 1, 1};
    const int group = kernels::kExciteGroup * geometry.table.lanes;
    geometry.reserveValue(value_, making.step, kernels::roundedUp(channels_, group));
    // Its readers are this step and the convolution that has the gate.
    scalesMap_ = pixels_ <= kSmallMap && making.network.readers[layer_.input] == 2;
    if (scalesMap_) geometry.scaledBy.push_back(value_);
  }

  void run(const Run& run) const override {
    const kernels::Table& table = run.geometry.table;
    float* map = run.value(layer_.input);
    float* sums = run.place(sums_.place);
    if (sumsMap_)
      run.each(blocks_, [&](int block, float*) {
        table.sum(map + block * plane_, pixels_, sums + ptrdiff_t{block} * table.lanes);
      });
    const int lanes = table.lanes;
    kernels::SqueezeExcite task;
    task.mean = run.place(mean_);
    task.channels = channels_;
    task.squeezed = layer_.squeezed;
    task.first = weights_.first.data();
    task.firstBias = weights_.firstBias.data();
    task.second = weights_.second.data();
    task.secondBias = weights_.secondBias.data();
    task.activation = layer_.activation;
    task.gateActivation = layer_.gateActivation;
    task.hidden = run.place(hidden_);
    task.gate = run.value(value_);
    table.mean(sums, sums_.parts, channels_, static_cast<float>(pixels_), run.place(mean_));
    // Small ones are computed by one thread: to share them would take longer.
    const bool isSmall = static_cast<int64_t>(channels_) * layer_.squeezed < kSharedProducts;
    const int squeezedOfTask = isSmall ? layer_.squeezed : 4;
    run.each((layer_.squeezed + squeezedOfTask - 1) / squeezedOfTask, [&](int part, float*) {
      table.squeeze(task, part * squeezedOfTask, std::min((part + 1) * squeezedOfTask, layer_.squeezed));
    });
    const int groups = (blocks_ + kernels::kExciteGroup - 1) / kernels::kExciteGroup;
    const int groupsOfTask = isSmall && !scalesMap_ ? groups : 1;
    run.each((groups + groupsOfTask - 1) / groupsOfTask, [&](int part, float*) {
      for (int group = part * groupsOfTask; group < std::min((part + 1) * groupsOfTask, groups); ++group) {
        table.excite(task, group);
        const int end = scalesMap_ ? std::min((group + 1) * kernels::kExciteGroup, blocks_) : 0;
        for (int block = group * kernels::kExciteGroup; block < end; ++block)
          table.scale(map + block * plane_, task.gate + ptrdiff_t{block} * lanes, pixels_, map + block * plane_);
      }
    });
  }

  Work work() const override { return {"squeeze-and-excitation", arrow(input_, {layer_.outputs, 1, 1}), 0}; }

 private:
  const Layer& layer_;
  const kernels::PackedSqueezeExcite& weights_;
  int value_;
  Shape input_;
  int pixels_ = 0, blocks_ = 0, channels_ = 0;
  size_t plane_ = 0;
  Sums sums_;
  bool sumsMap_ = false;
  bool scalesMap_ = false;
  int mean_ = 0, hidden_ = 0;
};

// The last convolution and the mean of its outputs, which are never stored.
class HeadStep : public Step {
 public:
  HeadStep(const Making& making, int conv, int pool)
      : layer_(making.network.layers[conv]), matrix_(making.network.matrix(conv)), value_(pool + 1) {
    Geometry& geometry = making.geometry;
    const Shape input = geometry.shapes[layer_.input];
    input_ = input;
    pixels_ = input.pixels();
    source_ = mapSource(geometry, input, 1);
    geometry.needScratch(static_cast<size_t>(pixels_) * geometry.table.panel * geometry.table.lanes);
    geometry.useValue(layer_.input, making.step);
    geometry.shapes[value_] = {layer_.outputs, 1, 1};
    geometry.reserveValue(value_, making.step, geometry.floats(geometry.shapes[value_]));
  }

  void run(const Run& run) const override {
    const kernels::Table& table = run.geometry.table;
    run.each(static_cast<int>(matrix_.panels.size()), [&](int task, float* scratch) {
      const PackedMatrix::Panel& panel = matrix_.panels[task];
      const int floats = panel.vectors * table.lanes;
      float* sums = run.value(value_) + static_cast<size_t>(panel.first) * table.lanes;
      std::fill_n(sums, floats, 0.0f);
      kernels::Product product;
      source_.describe(product);
      product.input = run.value(layer_.input);
      product.panel = matrix_.panel(panel);
      product.vectors = panel.vectors;
      product.pixels = pixels_;
      product.epilogue.bias = matrix_.panelBias(panel);
      product.epilogue.activation = layer_.activation;
      product.sums = sums;
      product.output = scratch;
      product.outputPixel = table.lanes;
      product.outputVector = static_cast<ptrdiff_t>(pixels_) * table.lanes;
      table.product(product);
      for (int i = 0; i < floats; ++i) sums[i] /= static_cast<float>(pixels_);
    });
  }

  Work work() const override { return {"head", arrow(input_, {layer_.outputs, 1, 1}), flopsOf(layer_, input_)}; }

 private:
  const Layer& layer_;
  const PackedMatrix& matrix_;
  int value_;
  Shape input_;
  int pixels_ = 0;
  Source source_;
};

// The mean or the maximum of each channel.
class GlobalPoolStep : public Step {
 public:
  GlobalPoolStep(const Making& making, int index) : layer_(making.network.layers[index]), value_(index + 1) {
    Geometry& geometry = making.geometry;
    const Shape input = geometry.shapes[layer_.input];
    input_ = input;
    pixels_ = input.pixels();
    plane_ = geometry.plane(input);
    blocks_ = geometry.blocks(input.channels);
    geometry.useValue(layer_.input, making.step);
    geometry.shapes[value_] = {layer_.outputs, 1, 1};
    geometry.reserveValue(value_, making.step, geometry.floats(geometry.shapes[value_]));
  }

  void run(const Run& run) const override {
    const kernels::Table& table = run.geometry.table;
    run.each(blocks_, [&](int block, float*) {
      const float* map = run.value(layer_.input) + block * plane_;
      float* result = run.value(value_) + ptrdiff_t{block} * table.lanes;
      if (layer_.pool == Pool::max) return table.most(map, pixels_, result);
      table.sum(map, pixels_, result);
      for (int i = 0; i < table.lanes; ++i) result[i] /= static_cast<float>(pixels_);
    });
  }

  Work work() const override { return {"global pooling", arrow(input_, {layer_.outputs, 1, 1}), 0}; }

 private:
  const Layer& layer_;
  int value_;
  Shape input_;
  int pixels_ = 0, blocks_ = 0;
  size_t plane_ = 0;
};

// The maximum of each window. Its padding is -∞.
class MaxPoolStep : public Step {
 public:
  MaxPoolStep(const Making& making, int index) : layer_(making.network.layers[index]), value_(index + 1) {
    Geometry& geometry = making.geometry;
    const Shape input = geometry.shapes[layer_.input];
    input_ = input;
    const Extent height = extentOf(input.height, layer_);
    const Extent width = extentOf(input.width, layer_);
    shape_ = {layer_.outputs, height.size, width.size};
    window_ = {-height.before,
               paddedSize(height.size, layer_),
               paddedSize(width.size, layer_),
               width.before,
               input.height,
               input.width,
               geometry.table.lanes};
    blocks_ = geometry.blocks(input.channels);
    inputPlane_ = geometry.plane(input);
    plane_ = geometry.plane(shape_);
    chunks_ = {height.size, balanced(std::max(1, height.size / 14), height.size)};
    rows_ = paddedSize(chunks_.longest(), layer_);
    geometry.needScratch(static_cast<size_t>(rows_ + 1) * window_.width * window_.lanes);
    geometry.useValue(layer_.input, making.step);
    geometry.shapes[value_] = shape_;
    geometry.reserveValue(value_, making.step, geometry.floats(shape_));
  }

  void run(const Run& run) const override {
    run.each(blocks_ * chunks_.count, [&](int task, float* scratch) {
      const int block = task / chunks_.count;
      const int begin = chunks_.begin(task % chunks_.count);
      const int end = chunks_.end(task % chunks_.count);
      Window window = window_;
      window.top += begin * layer_.stride;
      window.height = paddedSize(end - begin, layer_);
      std::fill_n(scratch, window.floats(), -std::numeric_limits<float>::infinity());
      window.fill(run.value(layer_.input) + block * inputPlane_, scratch);
      const ptrdiff_t row = static_cast<ptrdiff_t>(window.width) * window.lanes;
      float* output = run.value(value_) + block * plane_ + static_cast<size_t>(begin) * shape_.width * window.lanes;
      run.geometry.table.maxPool(scratch, row, layer_.kernel, layer_.stride, end - begin, shape_.width, output,
                                 scratch + rows_ * row);
    });
  }

  Work work() const override { return {"maximum pooling", arrow(input_, shape_), 0}; }

 private:
  const Layer& layer_;
  int value_;
  Shape input_, shape_;
  Chunks chunks_;
  int rows_ = 0;  // of the longest chunk's window
  Window window_;
  int blocks_ = 0;
  size_t inputPlane_ = 0, plane_ = 0;
};

}  // namespace

std::unique_ptr<Step> makeGateStep(const Making& making, int layer) {
  return std::make_unique<GateStep>(making, layer);
}
std::unique_ptr<Step> makeHeadStep(const Making& making, int conv, int pool) {
  return std::make_unique<HeadStep>(making, conv, pool);
}
std::unique_ptr<Step> makePoolStep(const Making& making, int layer) {
  if (making.network.layers[layer].op == Op::maxPool) return std::make_unique<MaxPoolStep>(making, layer);
  return std::make_unique<GlobalPoolStep>(making, layer);
}

}  // namespace mbconv::plan
