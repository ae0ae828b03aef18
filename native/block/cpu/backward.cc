// The backward pass, from the output to the input. A phase ends where sums over the whole batch are needed.
//
// The gradients of weights are summed by parts of the batch, and the parts are added up in their order.
#include <ATen/ops/empty.h>

#include "block/cpu/depthwise-gradient.h"
#include "block/cpu/pass.h"
#include "block/cpu/squeeze-excite.h"

namespace mbconv::block::cpu {

namespace {

class Backward : public Pass {
 public:
  Backward(const Arguments& block, const Saved& saved, bool wantsInput)
      : Pass(block), saved_(saved), wantsInput_(wantsInput) {}

  Gradients run(const at::Tensor& gradient) {
    input_ = mapOf(inOrder(block.input));
    gradient_ = mapOf(inOrder(gradient));
    depthwise_ = Map(geometry, geometry.expanded, geometry.outputPixels(), saved_.depthwise);
    projectBackward();
    activationBackward();
    gateBackward();
    depthwiseBackward();
    if (block.expands()) expandBackward();
    return std::move(gradients_);
  }

 private:
  NormCoefficients coefficients(int index, int channels) const {
    return NormCoefficients(geometry, saved_.norms[index], channels);
  }

  // Takes the sums of a norm's gradient g: Σ g and Σ g · (x - mean) of each part.
  template <class Term>
  NormGradients normBackward(int index, const Norm& norm, int parts, int channels, int pixels, const Term& term) {
    const double count = static_cast<double>(geometry.images) * pixels;
    NormGradients gradients(geometry, batchSums(parts, channels, count, term), coefficients(index, channels), norm);
    gradients_.weights[index] = gradients.weight;
    gradients_.biases[index] = gradients.bias;
    return gradients;
  }

  // The gradient of the projection's output.
  void projectBackward() {
    const Map projected(geometry, geometry.outputs, geometry.outputPixels(), saved_.projected);
    const NormCoefficients norm = coefficients(2, geometry.outputs);
    const Map scaled = block.branchScale.defined() ? scaledGradient() : gradient_;
    Sums sums(geometry, geometry.images, geometry.outputs, 2);
    each(geometry.images, [&](int image) {
      for (int b = 0; b < projected.blocks; ++b)
        kernels.gradientSums(scaled.image(image, b), projected.image(image, b), norm.mean(b), projected.pixels,
                             sums.at(image, b));
    });
    const NormGradients through =
        normBackward(2, block.projectNorm, geometry.images, geometry.outputs, geometry.outputPixels(),
                     [&](int image, int channel, int term) { return sums.term(image, channel, term); });
    projectGradient_ = Map(geometry, geometry.outputs, geometry.outputPixels());
    each(geometry.images, [&](int image) {
      for (int b = 0; b < projected.blocks; ++b)
        kernels.normGradient(scaled.image(image, b), projected.image(image, b), through.of(b), projected.pixels,
                             projectGradient_.image(image, b));
    });
  }

  // That of the branch.
  Map scaledGradient() {
    const at::Tensor factors = block.branchScale.contiguous();
    const Map scaled(geometry, geometry.outputs, geometry.outputPixels());
    each(geometry.images, static_cast<size_t>(lanes), [&](int image, float* factor) {
      std::fill_n(factor, lanes, factors.const_data_ptr<float>()[image]);
      for (int b = 0; b < scaled.blocks; ++b)
        geometry.table.scale(gradient_.image(image, b), factor, scaled.pixels, scaled.image(image, b));
    });
    return scaled;
  }

  // The gradient of the gated activation, with the sums that the gate and the batch norm before it need; the gradient
  // of the projection's weights.
  void activationBackward() {
    const Matrix matrix(geometry.expanded, geometry.outputs, geometry.table);
    packAll(matrix, block.project, 1, geometry.expanded);
    const NormCoefficients norm = coefficients(1, geometry.expanded);
    activation_ = Map(geometry, geometry.expanded, geometry.outputPixels());
    const int filled = geometry.filled(geometry.expanded);
    gateRow_ = block.squeezes() ? filled : 0;
    ones_ = kernels::Buffer(filled);
    std::fill_n(ones_.data(), filled, 1.0f);
    gate_ = block.squeezes() ? saved_.gate.const_data_ptr<float>() : ones_.data();
    gateSums_ = std::make_unique<Sums>(geometry, geometry.images, geometry.expanded, 5);
    const int panels = static_cast<int>(matrix.panels.size());
    const int parts = geometry.parts(panels);
    const std::vector<std::vector<Run>> runs = geometry.partRuns(geometry.outputPixels(), parts);
    const int rows = geometry.filled(geometry.outputs);
    std::vector<kernels::Buffer> partial = partialWeights(parts, rows, filled);
    const size_t run = static_cast<size_t>(kernels::kPixelRun) * lanes;
    each(panels * parts, run * kernels::kMaxPanel, [&](int task, float* scratch) {
      const PackedMatrix::Panel& panel = matrix.panels[task / parts];
      const int part = task % parts;
      for (const Run& run : runs[part]) {
        multiply(matrix, panel, projectGradient_.at(run, 0), projectGradient_.plane(run.group), run.count(),
                 activation_.at(run, panel.first), activation_.plane(run.group));
        const ptrdiff_t plane = static_cast<ptrdiff_t>(run.count()) * lanes;
        for (int v = 0; v < panel.vectors; ++v) gateSums(norm, run, panel.first + v, scratch + v * plane);
        addWeightGradient(projectGradient_, run, geometry.outputs, scratch, plane, panel,
                          partial[part].data() + static_cast<ptrdiff_t>(panel.first) * lanes * rows);
      }
    });
    gradients_.project = at::empty({geometry.outputs, geometry.expanded, 1, 1}, at::kFloat);
    addParts(partial, matrix.panels, rows, gradients_.project.data_ptr<float>(), geometry.outputs, 1,
             geometry.expanded);
  }

  void gateSums(const NormCoefficients& norm, const Run& run, int b, float* output) {
    kernels::GateSums task;
    task.activated = norm.activated(b, block.settings.activation);
    task.pixels = run.pixels;
    for (int i = 0; i < run.images; ++i) {
      const ptrdiff_t from = static_cast<ptrdiff_t>(i) * run.pixels * lanes;
      task.gradient = activation_.at(run, b) + from;
      task.input = depthwise_.at(run, b) + from;
      task.gate = gateOf(run.image + i, b);
      task.sums = gateSums_->at(run.image + i, b);
      task.output = output + from;
      kernels.gateSums(task);
    }
  }
  const float* gateOf(int image, int b) const {
    return gate_ + static_cast<ptrdiff_t>(image) * gateRow_ + ptrdiff_t{b} * lanes;
  }

  // Zeros for the gradient of a matrix [rows][expanded channels], by parts of the batch: the panels of the expanded
  // channels one after another.
  static std::vector<kernels::Buffer> partialWeights(int parts, int rows, int filled) {
    std::vector<kernels::Buffer> partial;
    partial.reserve(parts);
    for (int part = 0; part < parts; ++part) partial.emplace_back(static_cast<size_t>(rows) * filled);
    return partial;
  }
  void addWeightGradient(const Map& narrow, const Run& run, int channels, const float* wide, ptrdiff_t widePlane,
                         const PackedMatrix::Panel& panel, float* output) const {
    kernels::WeightGradient task;
    task.input = narrow.at(run, 0);
    task.inputPixel = lanes;
    task.inputBlock = narrow.plane(run.group);
    task.inputs = channels;
    task.gradient = wide;
    task.gradientPixel = lanes;
    task.gradientVector = widePlane;
    task.vectors = panel.vectors;
    task.pixels = run.count();
    task.output = output;
    kernels.weightGradient(task);
  }
  // to[row · rowStride + channel · channelStride] = the sum of the parts
  void addParts(const std::vector<kernels::Buffer>& partial, const std::vector<PackedMatrix::Panel>& panels, int rows,
                float* to, int usedRows, ptrdiff_t channelStride, ptrdiff_t rowStride) {
    each(static_cast<int>(panels.size()), [&](int index) {
      const PackedMatrix::Panel& panel = panels[index];
      const int first = panel.first * lanes;
      const int width = panel.vectors * lanes;
      const int count = std::min(width, geometry.expanded - first);
      for (int row = 0; row < usedRows; ++row) {
        const size_t from = static_cast<size_t>(first) * rows + static_cast<size_t>(row) * width;
        float* target = to + row * rowStride + first * channelStride;
        for (int i = 0; i < count; ++i) {
          float sum = 0;
          for (const kernels::Buffer& part : partial) sum += part.data()[from + i];
          target[i * channelStride] = sum;
        }
      }
    });
  }

  // Through squeeze-and-excitation; the batch norm behind the depthwise convolution.
  void gateBackward() {
    const int channels = geometry.expanded;
    const int filled = geometry.filled(channels);
    const Sums& sums = *gateSums_;
    offsets_ = kernels::Buffer(block.squeezes() ? static_cast<size_t>(geometry.images) * filled : filled);
    if (block.squeezes()) {
      std::vector<double> gradients(static_cast<size_t>(geometry.images) * channels);
      for (int image = 0; image < geometry.images; ++image)
        for (int c = 0; c < channels; ++c)
          gradients[static_cast<size_t>(image) * channels + c] = sums.term(image, c, 0);
      squeezeExciteBackward(*this, saved_, gradients, offsets_.data(), gradients_);
    }
    depthwiseThrough_ =
        std::make_unique<NormGradients>(normBackward(1, block.depthwiseNorm, geometry.images, channels,
                                                     geometry.outputPixels(), [&](int image, int channel, int term) {
                                                       const ptrdiff_t at =
                                                           static_cast<ptrdiff_t>(image) * gateRow_ + channel;
                                                       return gate_[at] * sums.term(image, channel, 1 + term) +
                                                              offsets_.data()[at] * sums.term(image, channel, 3 + term);
                                                     }));
  }

  // The gradients of the depthwise convolution, and of the activation before it.
  void depthwiseBackward() {
    const DepthwiseGradient gradient(*this);
    const NormCoefficients norm = coefficients(1, geometry.expanded);
    const NormCoefficients before = block.expands() ? coefficients(0, geometry.expanded) : NormCoefficients();
    // At stride 1 the new gradient takes the old one's place.
    expanded_ = block.expands() ? Map(geometry, geometry.expanded, geometry.inputPixels(), saved_.expanded) : input_;
    expandGradient_ = geometry.stride == 1
                          ? Map(geometry, geometry.expanded, geometry.inputPixels(), activation_.tensor)
                          : Map(geometry, geometry.expanded, geometry.inputPixels());
    const int blocks = depthwise_.blocks;
    const int parts = geometry.parts(blocks);
    const int taps = geometry.kernel * geometry.kernel;
    Sums sums(geometry, parts, geometry.expanded, 2);
    std::vector<kernels::Buffer> partial;
    partial.reserve(parts);
    for (int part = 0; part < parts; ++part) partial.emplace_back(static_cast<size_t>(blocks) * taps * lanes);
    const kernels::Window window = this->window(0, static_cast<int>(geometry.height.output));
    kernels::Window whole = window;
    whole.height = std::max(whole.height, static_cast<int>(geometry.height.before + geometry.height.input));
    const size_t plane = static_cast<size_t>(geometry.inputPixels()) * lanes;
    each(blocks * parts, whole.floats() + gradient.floats() + 2 * plane, [&](int task, float* scratch) {
      const int b = task / parts;
      const int part = task % parts;
      float* rows = scratch;
      float* padded = rows + whole.floats();
      float* derivative = padded + gradient.floats();
      float* result = derivative + plane;
      whole.clearAround(rows);
      gradient.clear(padded);
      for (int image = geometry.firstImage(part, parts); image < geometry.lastImage(part, parts); ++image) {
        outputGradient(norm, gradient, image, b, padded);
        if (block.expands()) {
          activateInput(before, whole, image, b, rows, derivative);
        } else {
          whole.fill(input_.image(image, b), rows);
        }
        gradient.addWeights(rows, static_cast<ptrdiff_t>(whole.width) * lanes, padded,
                            partial[part].data() + static_cast<ptrdiff_t>(b) * taps * lanes);
        float* to = expandGradient_.image(image, b);
        if (block.expands()) {
          gradient.input(b, padded, result);
          kernels.derivedSums(result, derivative, expanded_.image(image, b), before.mean(b), geometry.inputPixels(),
                              sums.at(part, b), to);
        } else if (block.settings.residual) {
          gradient.input(b, padded, result);
          kernels.addNormalized(result, ones_.data(), zeros_.data(), gradient_.image(image, b), geometry.inputPixels(),
                                to);
        } else {
          gradient.input(b, padded, to);
        }
      }
    });
    gradients_.depthwise = at::empty({geometry.expanded, 1, geometry.kernel, geometry.kernel}, at::kFloat);
    float* to = gradients_.depthwise.data_ptr<float>();
    for (int c = 0; c < geometry.expanded; ++c) {
      for (int tap = 0; tap < taps; ++tap) {
        float sum = 0;
        for (const kernels::Buffer& part : partial) sum += part.data()[(c / lanes * taps + tap) * lanes + c % lanes];
        to[c * taps + tap] = sum;
      }
    }
    if (!block.expands()) {
      writeInput(expandGradient_);
      return;
    }
    expandThrough_ = std::make_unique<NormGradients>(
        normBackward(0, block.expandNorm, parts, geometry.expanded, geometry.inputPixels(),
                     [&](int part, int channel, int term) { return sums.term(part, channel, term); }));
  }

  // The gradient of the depthwise convolution's output, with its padding.
  void outputGradient(const NormCoefficients& norm, const DepthwiseGradient& gradient, int image, int b,
                      float* padded) const {
    kernels::GateGradient task;
    task.gradient = activation_.image(image, b);
    task.input = depthwise_.image(image, b);
    task.activated = norm.activated(b, block.settings.activation);
    task.gate = gateOf(image, b);
    task.offset = offsets_.data() + static_cast<ptrdiff_t>(image) * gateRow_ + ptrdiff_t{b} * lanes;
    task.norm = depthwiseThrough_->of(b);
    task.rows = static_cast<int>(geometry.height.output);
    task.pixels = static_cast<int>(geometry.width.output);
    task.output = gradient.first(padded);
    task.outputRow = gradient.row();
    kernels.gateGradient(task);
  }
  // The depthwise convolution's input, and the derivative of its activation.
  void activateInput(const NormCoefficients& norm, const kernels::Window& window, int image, int b, float* rows,
                     float* derivative) const {
    kernels::Normalize task;
    task.input = expanded_.image(image, b);
    task.scale = norm.scale(b);
    task.shift = norm.shift(b);
    task.activation = block.settings.activation;
    task.rows = window.mapHeight;
    task.pixels = window.mapWidth;
    task.output = window.pixel(rows, 0);
    task.outputRow = static_cast<ptrdiff_t>(window.width) * lanes;
    task.derivative = derivative;
    kernels.normalize(task);
  }

  // The gradient of the expansion's output takes the place of its activation's; that of the input; the weights'.
  void expandBackward() {
    const int filled = geometry.filled(geometry.expanded);
    const Matrix matrix(geometry.inputs, geometry.expanded, geometry.table);
    packAll(matrix, block.expand, 1, geometry.inputs);
    const Map inputGradient(geometry, geometry.inputs, geometry.inputPixels());
    const std::vector<Run> wide = geometry.runs(geometry.inputPixels(), wideRun(filled));
    each(static_cast<int>(wide.size()), [&](int index) {
      const Run& run = wide[index];
      for (int b = 0; b < expanded_.blocks; ++b)
        kernels.normGradient(expandGradient_.at(run, b), expanded_.at(run, b), expandThrough_->of(b), run.count(),
                             expandGradient_.at(run, b));
      if (!wantsInput_) return;
      for (const PackedMatrix::Panel& panel : matrix.panels) {
        const float* residual = block.settings.residual ? gradient_.at(run, panel.first) : nullptr;
        multiply(matrix, panel, expandGradient_.at(run, 0), expandGradient_.plane(run.group), run.count(),
                 inputGradient.at(run, panel.first), inputGradient.plane(run.group), residual);
      }
    });
    if (wantsInput_) writeInput(inputGradient);

    const std::vector<PackedMatrix::Panel> panels = panelsOf(expanded_.blocks, geometry.inputs, geometry.table);
    const int count = static_cast<int>(panels.size());
    const int parts = geometry.parts(count);
    const std::vector<std::vector<Run>> runs = geometry.partRuns(geometry.inputPixels(), parts);
    const int rows = geometry.filled(geometry.inputs);
    std::vector<kernels::Buffer> partial = partialWeights(parts, rows, filled);
    each(count * parts, [&](int task) {
      const PackedMatrix::Panel& panel = panels[task / parts];
      const int part = task % parts;
      for (const Run& run : runs[part])
        addWeightGradient(input_, run, geometry.inputs, expandGradient_.at(run, panel.first),
                          expandGradient_.plane(run.group), panel,
                          partial[part].data() + static_cast<ptrdiff_t>(panel.first) * lanes * rows);
    });
    gradients_.expand = at::empty({geometry.expanded, geometry.inputs, 1, 1}, at::kFloat);
    addParts(partial, panels, rows, gradients_.expand.data_ptr<float>(), geometry.inputs, geometry.inputs, 1);
  }

  void writeInput(const Map& map) {
    if (!wantsInput_) return;
    const at::MemoryFormat format = block.input.suggest_memory_format();
    gradients_.input = at::empty(block.input.sizes(), at::TensorOptions(at::kFloat).memory_format(format));
    each(geometry.images, [&](int image) {
      writeImage(map.image(image, 0), map.plane(image / geometry.group), map.pixels, lanes, gradients_.input, image, 0);
    });
  }

  const Saved& saved_;
  bool wantsInput_;
  Gradients gradients_;
  Map input_, gradient_, depthwise_, expanded_;
  Map projectGradient_;  // of the projection's output
  Map activation_;       // gradient of the gated activation
  Map expandGradient_;   // of the expansion's output; without expansion, of the input
  kernels::Buffer ones_, offsets_;
  const kernels::Buffer zeros_{16};
  const float* gate_ = nullptr;
  int gateRow_ = 0;  // from an image's gate to the next; 0 where there is none
  std::unique_ptr<Sums> gateSums_;
  std::unique_ptr<NormGradients> depthwiseThrough_, expandThrough_;
};

}  // namespace

Gradients backward(const Arguments& block, const Saved& saved, const at::Tensor& gradient, bool wantsInput) {
  return Backward(block, saved, wantsInput).run(gradient);
}

}  // namespace mbconv::block::cpu
