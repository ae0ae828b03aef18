// A convolution of several pixels on a large map, and the pointwise one behind it, if there is one: Fused-MBConv, and
// ResNet's bottleneck.
//
// A task is a chunk of rows. The rows with their padding, and those between the two convolutions, lie in the thread's
// own memory.
#include "plan/source.h"
#include "plan/steps.h"
#include "plan/window.h"

namespace mbconv::plan {

namespace {

using kernels::PackedMatrix;

// Bytes of the rows of a task: they stay in the second level of cache, beside a panel of weights.
constexpr size_t kTaskBytes = 256 << 10;

class FusedStep : public Step {
 public:
  FusedStep(const Making& making, int conv, int project)
      : conv_(making.network.layers[conv]),
        project_(project < 0 ? nullptr : &making.network.layers[project]),
        last_(project < 0 ? conv_ : *project_),
        convMatrix_(making.network.matrix(conv)),
        projectMatrix_(project < 0 ? nullptr : &making.network.matrix(project)),
        value_((project < 0 ? conv : project) + 1) {
    Geometry& geometry = making.geometry;
    const Shape input = geometry.shapes[conv_.input];
    input_ = input;
    const Extent height = extentOf(input.height, conv_);
    const Extent width = extentOf(input.width, conv_);
    top_ = height.before;
    inner_ = {conv_.outputs, height.size, width.size};
    shape_ = {last_.outputs, height.size, width.size};
    plane_ = geometry.plane(shape_);
    inputPlane_ = geometry.plane(input);
    inputBlocks_ = geometry.blocks(input.channels);
    window_ = {0, 0, paddedSize(width.size, conv_), width.before, input.height, input.width, geometry.table.lanes};
    const size_t rowBytes = sizeof(float) * width.size * geometry.table.lanes * geometry.blocks(inner_.channels);
    const int rows = std::clamp(static_cast<int>(kTaskBytes / rowBytes), 1, std::max(1, (height.size + 3) / 4));
    chunks_ = {height.size, balanced((height.size + rows - 1) / rows, height.size)};
    // All chunks have windows of one size, so that one list of segments serves them: a shorter chunk leaves rows
    // unused.
    const Window window = windowOf(0);
    source_ = windowSource(geometry, input.channels, window.height, window.width, conv_);
    Shape chunk = inner_;
    chunk.height = chunks_.longest();
    chunkPlane_ = geometry.plane(chunk);
    if (project_ != nullptr) projectSource_ = mapSource(geometry, chunk, 1);
    const size_t between = project_ == nullptr ? 0 : geometry.floats(chunk);
    geometry.needScratch(window.floats() * inputBlocks_ + between);
    geometry.useValue(conv_.input, making.step);
    if (last_.residual >= 0) geometry.useValue(last_.residual, making.step);
    geometry.shapes[value_] = shape_;
    geometry.reserveValue(value_, making.step, geometry.floats(shape_));
  }

  void run(const Run& run) const override {
    const float* input = run.value(conv_.input);
    run.each(chunks_.count, [&](int chunk, float* scratch) { compute(run, input, chunk, scratch); });
  }

  Work work() const override {
    const double projection = project_ == nullptr ? 0 : flopsOf(*project_, shape_);
    return {project_ == nullptr ? "convolution" : "convolution + project", arrow(input_, shape_),
            flopsOf(conv_, inner_) + projection};
  }

 private:
  Window windowOf(int begin) const {
    Window window = window_;
    window.top = begin * conv_.stride - top_;
    window.height = paddedSize(chunks_.longest(), conv_);
    return window;
  }

  void compute(const Run& run, const float* input, int chunk, float* scratch) const {
    const kernels::Table& table = run.geometry.table;
    const ptrdiff_t lanes = table.lanes;
    const int begin = chunks_.begin(chunk);
    const int rows = chunks_.end(chunk) - begin;
    const Window window = windowOf(begin);
    float* inner = scratch + window.floats() * inputBlocks_;
    for (int block = 0; block < inputBlocks_; ++block) {
      window.clearAround(scratch + block * window.floats());
      window.fill(input + block * inputPlane_, scratch + block * window.floats());
    }
    const size_t firstRow = static_cast<size_t>(begin) * inner_.width * lanes;
    for (const PackedMatrix::Panel& panel : convMatrix_.panels) {
      kernels::Product product = productOf(source_, convMatrix_, panel, conv_);
      product.input = scratch;
      product.rows = rows;
      product.pixels = inner_.width;
      product.outputPixel = lanes;
      product.outputRow = inner_.width * lanes;
      if (project_ == nullptr) {
        writeTo(run, panel.first * plane_ + firstRow, product);
      } else {
        product.output = inner + panel.first * chunkPlane_;
        product.outputVector = static_cast<ptrdiff_t>(chunkPlane_);
      }
      table.product(product);
    }
    if (project_ == nullptr) return;
    for (const PackedMatrix::Panel& panel : projectMatrix_->panels) {
      kernels::Product product = productOf(projectSource_, *projectMatrix_, panel, *project_);
      product.input = inner;
      product.pixels = rows * inner_.width;
      product.outputPixel = lanes;
      writeTo(run, panel.first * plane_ + firstRow, product);
      table.product(product);
    }
  }

  static kernels::Product productOf(const Source& source, const PackedMatrix& matrix, const PackedMatrix::Panel& panel,
                                    const Layer& layer) {
    kernels::Product product;
    source.describe(product);
    product.panel = matrix.panel(panel);
    product.vectors = panel.vectors;
    product.epilogue.bias = matrix.panelBias(panel);
    product.epilogue.activation = layer.activation;
    product.epilogue.activatesSum = layer.activatesSum;
    return product;
  }

  // The output of the step, with the residual that it may have.
  void writeTo(const Run& run, size_t at, kernels::Product& product) const {
    product.output = run.value(value_) + at;
    product.outputVector = static_cast<ptrdiff_t>(plane_);
    if (last_.residual >= 0) product.epilogue.residual = run.value(last_.residual) + at;
  }

  const Layer& conv_;
  const Layer* project_;  // null for none
  const Layer& last_;
  const PackedMatrix& convMatrix_;
  const PackedMatrix* projectMatrix_;
  int value_;
  Shape input_, inner_, shape_;
  size_t plane_ = 0, inputPlane_ = 0, chunkPlane_ = 0;
  int inputBlocks_ = 0;
  int top_ = 0;
  Window window_;
  Chunks chunks_;
  Source source_, projectSource_;
};

}  // namespace

std::unique_ptr<Step> makeFusedStep(const Making& making, int conv, int project) {
  return std::make_unique<FusedStep>(making, conv, project);
}

}  // namespace mbconv::plan
