// The first half of an MBConv block: expansion and depthwise convolution as one step.
//
// A task is a panel of channels and a chunk of rows. The expanded rows lie in the thread's own memory, with their
// padding, and never leave the cache. The first layer of a network and its first depthwise convolution go the same way.
#include "plan/source.h"
#include "plan/steps.h"
#include "plan/window.h"

namespace mbconv::plan {

namespace {

using kernels::PackedMatrix;

// Bytes of expanded rows: they stay in the second level of cache.
constexpr size_t kWindowBytes = 400 << 10;

class FrontStep : public Step {
 public:
  FrontStep(const Making& making, int expand, int index)
      : depthwise_(making.network.layers[index]), weights_(making.network.depthwise(index)), value_(index + 1) {
    Geometry& geometry = making.geometry;
    const int lanes = geometry.table.lanes;
    if (expand >= 0) {
      expand_ = &making.network.layers[expand];
      matrix_ = &making.network.matrix(expand);
      panels_ = matrix_->panels;
    } else {
      const int blocks = geometry.blocks(depthwise_.inputs);
      for (int first = 0; first < blocks; first += 1) panels_.push_back({first, 1, 0});
    }
    input_ = expand_ == nullptr ? depthwise_.input : expand_->input;
    const Shape source = geometry.shapes[input_];
    inputShape_ = expanded_ = source;
    expanded_.channels = depthwise_.inputs;
    if (expand_ != nullptr && input_ == 0) {
      const Extent width = extentOf(source.width, *expand_);
      expanded_.height = extentOf(source.height, *expand_).size;
      expanded_.width = width.size;
      source_ = imageSource(paddedSize(width.size, *expand_), *expand_);
    } else if (expand_ != nullptr) {
      source_ = mapSource(geometry, source, 1);
    }
    inputPlane_ = geometry.plane(source);
    const Extent height = extentOf(expanded_.height, depthwise_);
    const Extent width = extentOf(expanded_.width, depthwise_);
    top_ = height.before;
    window_ = {0, 0, paddedSize(width.size, depthwise_), width.before, expanded_.height, expanded_.width, lanes};
    shape_ = {depthwise_.outputs, height.size, width.size};
    plane_ = geometry.plane(shape_);
    chunks_ = {shape_.height, chunkCount(geometry)};
    geometry.needScratch(windowOf(0, chunks_.longest()).floats() * geometry.table.panel);
    geometry.useValue(input_, making.step);
    geometry.shapes[value_] = shape_;
    geometry.reserveValue(value_, making.step, geometry.floats(shape_));
    channels_ = geometry.blocks(shape_.channels) * lanes;
    sums_ = geometry.reserve(static_cast<size_t>(channels_) * chunks_.count, making.step);
    geometry.sums[value_] = {sums_, chunks_.count};
  }

  void run(const Run& run) const override {
    const float* input = run.value(input_);
    const int panels = static_cast<int>(panels_.size());
    run.each(panels * chunks_.count, [&](int task, float* scratch) {
      compute(run, input, panels_[task / chunks_.count], task % chunks_.count, scratch);
    });
  }

  Work work() const override {
    const double expansion = expand_ == nullptr ? 0 : flopsOf(*expand_, expanded_);
    return {expand_ == nullptr ? "depthwise" : "expand + depthwise", arrow(inputShape_, shape_),
            expansion + flopsOf(depthwise_, shape_)};
  }

 private:
  // Few chunks: their edges are computed twice. But enough of them for several threads, where there are few panels.
  int chunkCount(const Geometry& geometry) const {
    const int rowBytes = window_.width * geometry.table.lanes * geometry.table.panel * static_cast<int>(sizeof(float));
    const int rows = std::max(depthwise_.kernel + depthwise_.stride, static_cast<int>(kWindowBytes / rowBytes));
    const int outputs = std::min(shape_.height, (rows - depthwise_.kernel) / depthwise_.stride + 1);
    int count = (shape_.height + outputs - 1) / outputs;
    if (panels_.size() < 6 && shape_.height >= 14) count = std::max(count, shape_.height >= 56 ? 4 : 2);
    return count;
  }

  Window windowOf(int begin, int end) const {
    Window window = window_;
    window.top = begin * depthwise_.stride - top_;
    window.height = paddedSize(end - begin, depthwise_);
    return window;
  }

  void compute(const Run& run, const float* input, const PackedMatrix::Panel& panel, int chunk, float* scratch) const {
    const kernels::Table& table = run.geometry.table;
    const ptrdiff_t lanes = table.lanes;
    const int begin = chunks_.begin(chunk);
    const int end = chunks_.end(chunk);
    const Window window = windowOf(begin, end);
    for (int v = 0; v < panel.vectors; ++v) window.clearAround(scratch + v * window.floats());
    if (matrix_ == nullptr) {
      window.fill(input + panel.first * inputPlane_, scratch);
    } else {
      kernels::Product product;
      source_.describe(product);
      product.input = input + window.from() * source_.row;
      product.panel = matrix_->panel(panel);
      product.vectors = panel.vectors;
      product.rows = window.to() - window.from();
      product.pixels = window.columns();
      product.output = window.pixel(scratch, window.from());
      product.outputPixel = lanes;
      product.outputVector = static_cast<ptrdiff_t>(window.floats());
      product.outputRow = window.width * lanes;
      product.epilogue.bias = matrix_->panelBias(panel);
      product.epilogue.activation = expand_->activation;
      table.product(product);
    }
    float* sums = run.place(sums_) + static_cast<size_t>(chunk) * channels_ + panel.first * lanes;
    std::fill_n(sums, panel.vectors * lanes, 0.0f);
    for (int v = 0; v < panel.vectors; ++v) {
      const int block = panel.first + v;
      kernels::Depthwise task;
      task.input = scratch + v * window.floats();
      task.inputRow = window.width * lanes;
      task.weights = weights_.weights.data() + lanes * block * depthwise_.kernel * depthwise_.kernel;
      task.bias = weights_.bias.data() + block * lanes;
      task.kernel = depthwise_.kernel;
      task.stride = depthwise_.stride;
      task.activation = depthwise_.activation;
      task.rows = end - begin;
      task.pixels = shape_.width;
      task.output = run.value(value_) + block * plane_ + static_cast<size_t>(begin) * shape_.width * lanes;
      task.outputRow = shape_.width * lanes;
      task.sums = sums + v * lanes;
      table.depthwise(task);
    }
  }

  const Layer* expand_ = nullptr;
  const PackedMatrix* matrix_ = nullptr;
  const Layer& depthwise_;
  const kernels::PackedDepthwise& weights_;
  std::vector<PackedMatrix::Panel> panels_;
  int input_ = 0;
  int value_;
  Source source_;
  Shape inputShape_, expanded_, shape_;
  size_t inputPlane_ = 0, plane_ = 0;
  int channels_ = 0;
  int top_ = 0;
  Window window_;
  Chunks chunks_;
  int sums_ = 0;
};

}  // namespace

std::unique_ptr<Step> makeFrontStep(const Making& making, int expand, int depthwise) {
  return std::make_unique<FrontStep>(making, expand, depthwise);
}

}  // namespace mbconv::plan
