// A convolution that is a step of its own, and the image that the first one reads.
#include "plan/source.h"
#include "plan/steps.h"
#include "plan/window.h"

namespace mbconv::plan {

namespace {

using kernels::PackedMatrix;
using kernels::Product;

// The image as the first layer reads it: its channels side by side, zeros around it.
class ImageStep : public Step {
 public:
  ImageStep(const Making& making, int layer)
      : channels_(making.network.layers[layer].inputs), shape_(making.geometry.shapes[0]) {
    const Layer& first = making.network.layers[layer];
    const Extent height = extentOf(shape_.height, first);
    const Extent width = extentOf(shape_.width, first);
    top_ = height.before;
    left_ = width.before;
    height_ = paddedSize(height.size, first);
    width_ = paddedSize(width.size, first);
    making.geometry.reserveValue(0, making.step, static_cast<size_t>(height_) * width_ * channels_);
  }

  void run(const Run& run) const override {
    constexpr int kRows = 16;
    float* to = run.value(0);
    run.each((height_ + kRows - 1) / kRows, [&](int task, float*) {
      for (int row = task * kRows; row < std::min(height_, (task + 1) * kRows); ++row)
        copy(run.image, row - top_, to + static_cast<size_t>(row) * width_ * channels_);
    });
  }

  Work work() const override { return {"image", arrow(shape_, shape_), 0}; }

 private:
  void copy(const Image& image, int row, float* to) const {
    if (row < 0 || row >= shape_.height) {
      std::fill_n(to, static_cast<size_t>(width_) * channels_, 0.0f);
      return;
    }
    const int columns = std::min(shape_.width, width_ - left_);
    std::fill_n(to, left_ * channels_, 0.0f);
    std::fill(to + static_cast<size_t>(left_ + columns) * channels_, to + static_cast<size_t>(width_) * channels_,
              0.0f);
    to += static_cast<size_t>(left_) * channels_;
    for (int c = 0; c < channels_; ++c) {
      const float* from = image.data + c * image.channel + row * image.row;
      for (int x = 0; x < columns; ++x) to[static_cast<size_t>(x) * channels_ + c] = from[x * image.pixel];
    }
  }

  int channels_;
  Shape shape_;
  int top_, left_, height_, width_;
};

// Bytes of a task's input, and of weights that all tasks may read: both stay in the second level of cache.
constexpr size_t kTaskBytes = 256 << 10;
constexpr size_t kWeightBytes = 512 << 10;

// How a convolution is cut into tasks. It depends on nothing but sizes, so that results do not depend on the threads.
struct Cut {
  int pixels;       // of a task
  bool allOutputs;  // a task computes all outputs of its pixels, and not one panel
};
Cut cutOf(int pixels, const PackedMatrix& matrix) {
  const size_t weights = sizeof(float) * matrix.depth * matrix.vectors * matrix.lanes;
  const int held = static_cast<int>(kTaskBytes / sizeof(float) / matrix.depth);
  const int most = std::clamp(held / 8 * 8, 56, 392);
  // Enough tasks for several threads without cutting the outputs, and the weights are read again by each.
  if (weights <= kWeightBytes && pixels >= 6 * most) return {most, true};
  if (weights <= kWeightBytes && pixels >= 6 * 56) return {pixels / 6 / 8 * 8, true};
  return {pixels >= 2048 ? 392 : pixels >= 150 ? 98 : 56, false};
}

class ConvStep : public Step {
 public:
  ConvStep(const Making& making, int index)
      : layer_(making.network.layers[index]), matrix_(making.network.matrix(index)), value_(index + 1) {
    Geometry& geometry = making.geometry;
    const Shape input = geometry.shapes[layer_.input];
    input_ = input;
    const Extent height = extentOf(input.height, layer_);
    const Extent width = extentOf(input.width, layer_);
    shape_ = {layer_.outputs, height.size, width.size};
    plane_ = geometry.plane(shape_);
    inputPlane_ = geometry.plane(input);
    blocks_ = geometry.blocks(input.channels);
    isFlat_ = layer_.kernel == 1 && layer_.stride == 1 && layer_.input != 0;
    if (layer_.input == 0) {
      source_ = imageSource(paddedSize(width.size, layer_), layer_);
    } else if (layer_.kernel == 1) {
      source_ = mapSource(geometry, input, layer_.stride);
    } else {
      window_ = {-height.before,
                 paddedSize(height.size, layer_),
                 paddedSize(width.size, layer_),
                 width.before,
                 input.height,
                 input.width,
                 geometry.table.lanes};
      source_ = windowSource(geometry, input.channels, window_.height, window_.width, layer_);
      padded_ = geometry.reserve(window_.floats() * blocks_, making.step);
    }
    const int rows = isFlat_ ? shape_.pixels() : shape_.height;
    const Cut cut = cutOf(shape_.pixels(), matrix_);
    const int rowsOfTask = isFlat_ ? cut.pixels : std::max(1, cut.pixels / shape_.width);
    allOutputs_ = cut.allOutputs;
    const int count = (rows + rowsOfTask - 1) / rowsOfTask;
    chunks_ = {rows, allOutputs_ ? balanced(count, rows) : count};
    isScaled_ = layer_.gate >= 0 &&
                std::find(geometry.scaledBy.begin(), geometry.scaledBy.end(), layer_.gate) == geometry.scaledBy.end();
    if (layer_.kernel > 1) std::swap(isScaled_, scalesInput_);
    if (isScaled_)
      geometry.needScratch(static_cast<size_t>(matrix_.depth) * geometry.table.panel * geometry.table.lanes);
    geometry.useValue(layer_.input, making.step);
    if (layer_.residual >= 0) geometry.useValue(layer_.residual, making.step);
    if (isScaled_ || scalesInput_) geometry.useValue(layer_.gate, making.step);
    geometry.shapes[value_] = shape_;
    geometry.reserveValue(value_, making.step, geometry.floats(shape_));
  }

  void run(const Run& run) const override {
    const float* input = run.value(layer_.input);
    if (padded_ >= 0) {
      float* padded = run.place(padded_);
      run.each(blocks_, [&](int block, float*) {
        window_.clearAround(padded + block * window_.floats());
        window_.fill(input + block * inputPlane_, padded + block * window_.floats());
        if (scalesInput_)
          run.geometry.table.scale(padded + block * window_.floats(),
                                   run.value(layer_.gate) + ptrdiff_t{block} * window_.lanes,
                                   window_.height * window_.width, padded + block * window_.floats());
      });
      input = padded;
    }
    const std::vector<PackedMatrix::Panel>& panels = matrix_.panels;
    if (allOutputs_) {
      run.each(chunks_.count, [&](int chunk, float* scratch) {
        for (const PackedMatrix::Panel& panel : panels) compute(run, input, chunk, panel, scratch);
      });
    } else {
      // The chunks of a panel follow each other: its weights are at hand then.
      run.each(chunks_.count * static_cast<int>(panels.size()), [&](int task, float* scratch) {
        compute(run, input, task % chunks_.count, panels[task / chunks_.count], scratch);
      });
    }
  }

  Work work() const override {
    return {layer_.kernel == 1 ? "pointwise" : "convolution", arrow(input_, shape_), flopsOf(layer_, shape_)};
  }

 private:
  void compute(const Run& run, const float* input, int chunk, const PackedMatrix::Panel& panel, float* scratch) const {
    const kernels::Table& table = run.geometry.table;
    const ptrdiff_t lanes = table.lanes;
    const int begin = chunks_.begin(chunk);
    const int count = chunks_.end(chunk) - begin;
    Product product;
    source_.describe(product);
    product.input = input + begin * (isFlat_ ? source_.pixel : source_.row);
    product.panel = matrix_.panel(panel);
    if (isScaled_) {
      table.scalePanel(product.panel, run.value(layer_.gate), matrix_.depth, panel.vectors, scratch);
      product.panel = scratch;
    }
    product.vectors = panel.vectors;
    product.rows = isFlat_ ? 1 : count;
    product.pixels = isFlat_ ? count : shape_.width;
    product.outputPixel = lanes;
    product.outputVector = static_cast<ptrdiff_t>(plane_);
    product.outputRow = shape_.width * lanes;
    const ptrdiff_t at = panel.first * static_cast<ptrdiff_t>(plane_) + begin * (isFlat_ ? lanes : product.outputRow);
    product.output = run.value(value_) + at;
    product.epilogue.bias = matrix_.panelBias(panel);
    product.epilogue.activation = layer_.activation;
    product.epilogue.activatesSum = layer_.activatesSum;
    if (layer_.residual >= 0) product.epilogue.residual = run.value(layer_.residual) + at;
    table.product(product);
  }

  const Layer& layer_;
  const PackedMatrix& matrix_;
  int value_;
  Shape input_, shape_;
  size_t plane_ = 0, inputPlane_ = 0;
  int blocks_ = 0;
  bool allOutputs_ = false;   // a task computes all outputs of its pixels
  bool isFlat_ = false;       // rows follow each other without a gap, in input and output
  bool isScaled_ = false;     // the gate multiplies the weights
  bool scalesInput_ = false;  // the gate multiplies the padded input
  Source source_;
  Window window_;
  int padded_ = -1;  // the place of the padded input
  Chunks chunks_;
};

}  // namespace

std::unique_ptr<Step> makeImageStep(const Making& making, int layer) {
  return std::make_unique<ImageStep>(making, layer);
}
std::unique_ptr<Step> makeConvStep(const Making& making, int layer) {
  return std::make_unique<ConvStep>(making, layer);
}

}  // namespace mbconv::plan
