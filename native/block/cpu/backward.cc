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
    // Where it is added to the input's gradient, both lie in the same way.
    gradient_ = mapOf(inOrder(gradient), !block.settings.residual || Map::has(geometry, block.input));
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
    NormGradients gradients(geometry, sumsOf(parts, channels, pixels, term), coefficients(index, channels), norm);
    gradients_.weights[index] = gradients.weight;
    gradients_.biases[index] = gradients.bias;
    return gradients;
  }

  // The gradient of the projection's output.
  void projectBackward() {
    const Map projected(geometry, geometry.outputs, geometry.outputPixels(), saved_.projected);
    const NormCoefficients norm = coefficients(2, geometry.outputs);
    const at::Tensor factors = block.branchScale.defined() ? block.branchScale.contiguous() : at::Tensor();
    const float* factor = factors.defined() ? factors.const_data_ptr<float>() : nullptr;
    const auto factorOf = [&](int image) { return factor == nullptr ? 1.0f : factor[image]; };
    Sums sums(geometry, geometry.images, geometry.outputs, 2);
    each(geometry.images, [&](int image) {
      for (int b = 0; b < projected.blocks; ++b)
        kernels.gradientSums(gradient_.image(image, b), gradient_.pixel, projected.image(image, b), norm.mean(b),
                             projected.pixels, sums.at(image, b));
    });
    const NormGradients through = normBackward(
        2, block.projectNorm, geometry.images, geometry.outputs, geometry.outputPixels(),
        [&](int image, int channel, int term) { return factorOf(image) * sums.term(image, channel, term); });
    projectGradient_ = Map(geometry, geometry.outputs, geometry.outputPixels());
    each(geometry.images, [&](int image) {
      for (int b = 0; b < projected.blocks; ++b)
        kernels.normGradient(gradient_.image(image, b), gradient_.pixel, factorOf(image), projected.image(image, b),
                             through.of(b), projected.pixels, projectGradient_.image(image, b));
    });
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
    const int panels = static_cast<int>(matrix.panels.size());
    const int parts = geometry.parts(panels);
    normSums_ = std::make_unique<Sums>(geometry, parts, geometry.expanded, 2);
    if (block.squeezes()) gateSums_ = std::make_unique<Sums>(geometry, geometry.images, geometry.expanded, 3);
    const std::vector<std::vector<Run>> runs = geometry.partRuns(geometry.outputPixels(), parts);
    const PartialWeights partial(parts, geometry.filled(geometry.outputs), filled);
    const size_t run = static_cast<size_t>(kernels::kPixelRun) * lanes;
    each(panels * parts, run * kernels::kMaxPanel, [&](int task, float* scratch) {
      const PackedMatrix::Panel& panel = matrix.panels[task / parts];
      const int part = task % parts;
      for (const Run& run : runs[part]) {
        multiply(matrix, panel, projectGradient_.of(run, 0), run.count(), activation_.of(run, panel.first));
        const ptrdiff_t plane = static_cast<ptrdiff_t>(run.count()) * lanes;
        for (int v = 0; v < panel.vectors; ++v) gateSums(norm, part, run, panel.first + v, scratch + v * plane);
        addWeightGradient(projectGradient_, run, geometry.outputs, scratch, plane, panel,
                          partial.at(part, panel.first * lanes), &run != &runs[part].front());
      }
    });
    gradients_.project = at::empty({geometry.outputs, geometry.expanded, 1, 1}, at::kFloat);
    addParts(partial, matrix.panels, gradients_.project.data_ptr<float>(), geometry.outputs, 1, geometry.expanded);
  }

  void gateSums(const NormCoefficients& norm, int part, const Run& run, int b, float* output) {
    kernels::GateSums task;
    task.activated = norm.activated(b, block.settings.activation);
    task.pixels = run.pixels;
    for (int i = 0; i < run.images; ++i) {
      const ptrdiff_t from = static_cast<ptrdiff_t>(i) * run.pixels * lanes;
      task.gradient = activation_.at(run, b) + from;
      task.input = depthwise_.at(run, b) + from;
      task.gate = gateOf(run.image + i, b);
      task.normSums = normSums_->at(part, b);
      if (gateSums_ != nullptr) task.gateSums = gateSums_->at(run.image + i, b);
      task.output = output + from;
      kernels.gateSums(task);
    }
  }
  const float* gateOf(int image, int b) const {
    return gate_ + static_cast<ptrdiff_t>(image) * gateRow_ + ptrdiff_t{b} * lanes;
  }

  // The gradient of a matrix [rows][expanded channels], by parts of the batch: the panels of the expanded channels one
  // after another. Not initialized.
  struct PartialWeights {
    PartialWeights(int parts, int rows, int filled)
        : parts(parts),
          rows(rows),
          size(static_cast<ptrdiff_t>(rows) * filled),
          memory(at::empty({parts, size}, at::kFloat)),
          data(memory.data_ptr<float>()) {}

    // The panel that begins at a channel.
    float* at(int part, int channel) const { return data + part * size + static_cast<ptrdiff_t>(channel) * rows; }

    int parts, rows;
    ptrdiff_t size;
    at::Tensor memory;
    float* data;
  };
  void addWeightGradient(const Map& narrow, const Run& run, int channels, const float* wide, ptrdiff_t widePlane,
                         const PackedMatrix::Panel& panel, float* output, bool adds) const {
    kernels::WeightGradient task;
    task.input = narrow.at(run, 0);
    task.inputPixel = narrow.pixel;
    task.inputBlock = narrow.plane(run.group);
    task.inputs = channels;
    task.gradient = wide;
    task.gradientPixel = lanes;
    task.gradientVector = widePlane;
    task.vectors = panel.vectors;
    task.pixels = run.count();
    task.output = output;
    task.adds = adds;
    kernels.weightGradient(task);
  }
  // to[row · rowStride + channel · channelStride] = the sum of the parts; one of the strides is 1
  void addParts(const PartialWeights& partial, const std::vector<PackedMatrix::Panel>& panels, float* to, int rows,
                ptrdiff_t channelStride, ptrdiff_t rowStride) {
    each(static_cast<int>(panels.size()), [&](int index) {
      const PackedMatrix::Panel& panel = panels[index];
      const int first = panel.first * lanes;
      const ptrdiff_t width = static_cast<ptrdiff_t>(panel.vectors) * lanes;
      const int count = std::min(static_cast<int>(width), geometry.expanded - first);
      float* sum = partial.at(0, first);
      for (int part = 1; part < partial.parts; ++part) {
        const float* more = partial.at(part, first);
        for (ptrdiff_t i = 0; i < rows * width; ++i) sum[i] += more[i];
      }
      float* target = to + first * channelStride;
      if (channelStride == 1) {
        for (int row = 0; row < rows; ++row) std::copy_n(sum + row * width, count, target + row * rowStride);
      } else {
        for (int i = 0; i < count; ++i)
          for (int row = 0; row < rows; ++row) target[i * channelStride + row] = sum[row * width + i];
      }
    });
  }

  // Through squeeze-and-excitation; the batch norm behind the depthwise convolution.
  void gateBackward() {
    const int channels = geometry.expanded;
    const int filled = geometry.filled(channels);
    offsets_ = kernels::Buffer(block.squeezes() ? static_cast<size_t>(geometry.images) * filled : filled);
    if (block.squeezes()) squeezeExciteBackward(*this, saved_, *gateSums_, offsets_.data(), gradients_);
    // What comes through the product, by parts of the batch, and then what comes through each image's gate.
    const int parts = normSums_->parts();
    const int images = block.squeezes() ? geometry.images : 0;
    depthwiseThrough_ = std::make_unique<NormGradients>(
        normBackward(1, block.depthwiseNorm, parts + images, channels, geometry.outputPixels(),
                     [&](int part, int channel, int term) {
                       if (part < parts) return normSums_->term(part, channel, term);
                       const int image = part - parts;
                       return offsets_.data()[static_cast<ptrdiff_t>(image) * filled + channel] *
                              gateSums_->term(image, channel, 1 + term);
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
          whole.fill(input_.image(image, b), input_.pixel, rows);
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
          addResidual(result, image, b, to);
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
      if (wantsInput_) {
        makeInputGradient();
        writeInput(expandGradient_);
      }
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

  // Without expansion: the gradient of the input is also that of the residual.
  void addResidual(const float* gradient, int image, int b, float* to) const {
    kernels::AddNormalized task;
    task.input = gradient;
    task.scale = ones_.data();
    task.shift = zeros_.data();
    task.residual = gradient_.image(image, b);
    task.residualPixel = gradient_.pixel;
    task.pixels = geometry.inputPixels();
    task.output = to;
    task.outputPixel = lanes;
    kernels.addNormalized(task);
  }

  // The gradient of the expansion's output takes the place of its activation's; that of the input; the weights'.
  void expandBackward() {
    const int filled = geometry.filled(geometry.expanded);
    const Matrix matrix(geometry.inputs, geometry.expanded, geometry.table);
    packAll(matrix, block.expand, 1, geometry.inputs);
    if (wantsInput_) makeInputGradient();
    const bool isTensor =
        wantsInput_ && Map::has(geometry, gradients_.input) && (gradient_.isTensor || !block.settings.residual);
    Map inputGradient;
    if (isTensor)
      inputGradient = Map(geometry, gradients_.input);
    else if (wantsInput_)
      inputGradient = Map(geometry, geometry.inputs, geometry.inputPixels());
    const std::vector<Run> wide = geometry.runs(geometry.inputPixels(), wideRun(filled));
    each(static_cast<int>(wide.size()), [&](int index) {
      const Run& run = wide[index];
      for (int b = 0; b < expanded_.blocks; ++b)
        kernels.normGradient(expandGradient_.at(run, b), lanes, 1, expanded_.at(run, b), expandThrough_->of(b),
                             run.count(), expandGradient_.at(run, b));
      if (!wantsInput_) return;
      for (const PackedMatrix::Panel& panel : matrix.panels) {
        const float* residual = block.settings.residual ? gradient_.at(run, panel.first) : nullptr;
        multiply(matrix, panel, expandGradient_.of(run, 0), run.count(), inputGradient.of(run, panel.first), residual);
      }
    });
    if (wantsInput_ && !isTensor) writeInput(inputGradient);

    const std::vector<PackedMatrix::Panel> panels = panelsOf(expanded_.blocks, geometry.inputs, geometry.table);
    const int count = static_cast<int>(panels.size());
    const int parts = geometry.parts(count);
    const std::vector<std::vector<Run>> runs = geometry.partRuns(geometry.inputPixels(), parts);
    const PartialWeights partial(parts, geometry.filled(geometry.inputs), filled);
    each(count * parts, [&](int task) {
      const PackedMatrix::Panel& panel = panels[task / parts];
      const int part = task % parts;
      for (const Run& run : runs[part])
        addWeightGradient(input_, run, geometry.inputs, expandGradient_.at(run, panel.first),
                          expandGradient_.plane(run.group), panel, partial.at(part, panel.first * lanes),
                          &run != &runs[part].front());
    });
    gradients_.expand = at::empty({geometry.expanded, geometry.inputs, 1, 1}, at::kFloat);
    addParts(partial, panels, gradients_.expand.data_ptr<float>(), geometry.inputs, geometry.inputs, 1);
  }

  void makeInputGradient() {
    // An input that is a map is in channels-last order, also where strides of sides of one pixel suggest none.
    const at::MemoryFormat format =
        Map::has(geometry, block.input) ? at::MemoryFormat::ChannelsLast : block.input.suggest_memory_format();
    gradients_.input = at::empty(block.input.sizes(), at::TensorOptions(at::kFloat).memory_format(format));
  }
  void writeInput(const Map& map) {
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
  int gateRow_ = 0;                            // from an image's gate to the next; 0 where there is none
  std::unique_ptr<Sums> normSums_, gateSums_;  // of kernels::GateSums
  std::unique_ptr<NormGradients> depthwiseThrough_, expandThrough_;
};

}  // namespace

Gradients backward(const Arguments& block, const Saved& saved, const at::Tensor& gradient, bool wantsInput) {
  return Backward(block, saved, wantsInput).run(gradient);
}

}  // namespace mbconv::block::cpu
