// The forward pass. Each phase leaves the sums of what it writes, which the next phase's batch norm needs.
#include "block/cpu/pass.h"
#include "block/cpu/squeeze-excite.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace mbconv::block::cpu {

namespace {

// Bytes of the depthwise convolution's rows of input, which stay in the second level of cache.
constexpr int kWindowBytes = 256 << 10;

class Forward : public Pass {
 public:
  Forward(const Arguments& block, Saved& saved) : Pass(block), saved_(saved) {}

  at::Tensor run() {
    input_ = mapOf(inOrder(block.input));
    expanded_ = input_;
    if (block.expands()) expand();
    depthwise();
    if (block.squeezes()) squeeze();
    project();
    return output();
  }

 private:
  NormCoefficients coefficients(const Sums& sums, int parts, int channels, int pixels, const Norm& norm, int index) {
    const BatchSums total = sumsOf(parts, channels, pixels,
                                   [&](int part, int channel, int term) { return sums.term(part, channel, term); });
    NormCoefficients coefficients(geometry, total, norm, block.settings);
    saved_.norms[index] = coefficients.tensor();
    return coefficients;
  }

  void expand() {
    const Matrix matrix(geometry.expanded, geometry.inputs, geometry.table);
    packAll(matrix, block.expand, geometry.inputs, 1);
    expanded_ = Map(geometry, geometry.expanded, geometry.inputPixels());
    const int panels = static_cast<int>(matrix.panels.size());
    const int parts = geometry.parts(panels);
    const std::vector<std::vector<Run>> runs = geometry.partRuns(geometry.inputPixels(), parts);
    Sums sums(geometry, parts, geometry.expanded, 2);
    each(panels * parts, [&](int task) {
      const PackedMatrix::Panel& panel = matrix.panels[task / parts];
      const int part = task % parts;
      for (const Run& run : runs[part]) {
        multiply(matrix, panel, input_.of(run, 0), run.count(), expanded_.of(run, panel.first));
        for (int block = panel.first; block < panel.first + panel.vectors; ++block)
          kernels.moments(expanded_.at(run, block), run.count(), sums.at(part, block));
      }
    });
    saved_.expanded = expanded_.tensor;
    expandNorm_ = coefficients(sums, parts, geometry.expanded, geometry.inputPixels(), block.expandNorm, 0);
  }

  void depthwise() {
    const at::Tensor weights = block.depthwise.contiguous();
    const std::vector<float> zeros(geometry.expanded);
    const kernels::PackedDepthwise packed(weights.const_data_ptr<float>(), zeros.data(), geometry.expanded,
                                          geometry.kernel, geometry.table);
    depthwise_ = Map(geometry, geometry.expanded, geometry.outputPixels());
    const int rows = static_cast<int>(geometry.height.output);
    const int rowBytes = window(0, 1).width * lanes * static_cast<int>(sizeof(float));
    const int fitting = (kWindowBytes / rowBytes - geometry.kernel) / geometry.stride + 1;
    const int chunk = std::clamp(fitting, 1, rows);
    const kernels::Chunks chunks{rows, (rows + chunk - 1) / chunk};
    const int parts = geometry.parts(depthwise_.blocks);
    Sums sums(geometry, parts, geometry.expanded, 2);
    each(depthwise_.blocks * parts, window(0, chunks.longest()).floats(), [&](int task, float* scratch) {
      const int index = task / parts;
      const int part = task % parts;
      for (int image = geometry.firstImage(part, parts); image < geometry.lastImage(part, parts); ++image) {
        for (int i = 0; i < chunks.count; ++i)
          convolve(packed, index, image, chunks.begin(i), chunks.end(i), scratch, sums.at(part, index));
      }
    });
    saved_.depthwise = depthwise_.tensor;
    depthwiseNorm_ = coefficients(sums, parts, geometry.expanded, geometry.outputPixels(), block.depthwiseNorm, 1);
  }

  // Rows of one block of one image's depthwise convolution.
  void convolve(const kernels::PackedDepthwise& packed, int index, int image, int begin, int end, float* scratch,
                double* sums) const {
    const kernels::Window rows = window(begin, end - begin);
    rows.clearAround(scratch);
    const float* source = expanded_.image(image, index);
    if (!block.expands()) {
      rows.fill(source, expanded_.pixel, scratch);
    } else {
      kernels::Normalize task;
      task.input = source + static_cast<ptrdiff_t>(rows.from()) * rows.mapWidth * lanes;
      task.scale = expandNorm_.scale(index);
      task.shift = expandNorm_.shift(index);
      task.activation = block.settings.activation;
      task.rows = rows.to() - rows.from();
      task.pixels = rows.mapWidth;
      task.output = rows.pixel(scratch, rows.from());
      task.outputRow = static_cast<ptrdiff_t>(rows.width) * lanes;
      kernels.normalize(task);
    }
    const int width = static_cast<int>(geometry.width.output);
    kernels::Depthwise task;
    task.input = scratch;
    task.inputRow = static_cast<ptrdiff_t>(rows.width) * lanes;
    task.weights = packed.weights.data() + static_cast<ptrdiff_t>(index) * geometry.kernel * geometry.kernel * lanes;
    task.bias = packed.bias.data();
    task.kernel = geometry.kernel;
    task.stride = geometry.stride;
    task.rows = end - begin;
    task.pixels = width;
    task.output = depthwise_.image(image, index) + static_cast<ptrdiff_t>(begin) * width * lanes;
    task.outputRow = static_cast<ptrdiff_t>(width) * lanes;
    geometry.table.depthwise(task);
    kernels.moments(task.output, task.rows * width, sums);
  }

  void squeeze() {
    const int filled = geometry.filled(geometry.expanded);
    saved_.means = at::empty({geometry.images, filled}, at::kFloat);
    float* means = saved_.means.data_ptr<float>();
    each(geometry.images, [&](int image) {
      for (int index = 0; index < depthwise_.blocks; ++index) {
        double sum[16] = {};
        kernels.activatedSum(depthwise_.image(image, index), depthwiseNorm_.activated(index, block.settings.activation),
                             depthwise_.pixels, sum);
        for (int i = 0; i < lanes; ++i)
          means[static_cast<ptrdiff_t>(image) * filled + ptrdiff_t{index} * lanes + i] =
              static_cast<float>(sum[i] / depthwise_.pixels);
      }
    });
    squeezeExcite(*this, saved_);
  }

  void project() {
    const Matrix matrix(geometry.outputs, geometry.expanded, geometry.table);
    packAll(matrix, block.project, geometry.expanded, 1);
    projected_ = Map(geometry, geometry.outputs, geometry.outputPixels());
    const int filled = geometry.filled(geometry.expanded);
    const float* gate = block.squeezes() ? saved_.gate.const_data_ptr<float>() : nullptr;
    const std::vector<Run> runs = geometry.runs(geometry.outputPixels(), wideRun(filled));
    const int count = static_cast<int>(runs.size());
    Sums sums(geometry, count, geometry.outputs, 2);
    size_t scratchFloats = 0;
    for (const Run& run : runs) scratchFloats = std::max(scratchFloats, static_cast<size_t>(run.count()) * filled);
    each(count, scratchFloats, [&](int index, float* scratch) {
      const Run& run = runs[index];
      const ptrdiff_t plane = static_cast<ptrdiff_t>(run.count()) * lanes;
      for (int b = 0; b < depthwise_.blocks; ++b) {
        kernels::Normalize task;
        task.scale = depthwiseNorm_.scale(b);
        task.shift = depthwiseNorm_.shift(b);
        task.activation = block.settings.activation;
        task.pixels = run.pixels;
        for (int i = 0; i < run.images; ++i) {
          const ptrdiff_t from = static_cast<ptrdiff_t>(i) * run.pixels * lanes;
          task.input = depthwise_.at(run, b) + from;
          if (gate != nullptr)
            task.factor = gate + static_cast<ptrdiff_t>(run.image + i) * filled + ptrdiff_t{b} * lanes;
          task.output = scratch + b * plane + from;
          kernels.normalize(task);
        }
      }
      for (const PackedMatrix::Panel& panel : matrix.panels)
        multiply(matrix, panel, {scratch, lanes, plane}, run.count(), projected_.of(run, panel.first));
      for (int b = 0; b < projected_.blocks; ++b)
        kernels.moments(projected_.at(run, b), run.count(), sums.at(index, b));
    });
    saved_.projected = projected_.tensor;
    projectNorm_ = coefficients(sums, count, geometry.outputs, geometry.outputPixels(), block.projectNorm, 2);
  }

  at::Tensor output() {
    const at::MemoryFormat format = block.input.suggest_memory_format();
    const at::Tensor output =
        at::empty({geometry.images, geometry.outputs, geometry.height.output, geometry.width.output},
                  at::TensorOptions(at::kFloat).memory_format(format));
    const Map target = Map::has(geometry, output) ? Map(geometry, output) : Map();
    const int filled = geometry.filled(geometry.outputs);
    const at::Tensor factors = block.branchScale.defined() ? block.branchScale.contiguous() : at::Tensor();
    const std::vector<Run> runs = geometry.runs(geometry.outputPixels(), kernels::kPixelRun);
    size_t longest = 0;
    if (!target.isTensor)
      for (const Run& run : runs) longest = std::max(longest, static_cast<size_t>(run.pixels));
    each(static_cast<int>(runs.size()), (longest + size_t{2}) * filled, [&](int index, float* scratch) {
      const Run& run = runs[index];
      float* scale = scratch + longest * filled;
      float* shift = scale + filled;
      const ptrdiff_t plane = static_cast<ptrdiff_t>(run.pixels) * lanes;
      for (int i = 0; i < run.images; ++i) {
        const ptrdiff_t from = static_cast<ptrdiff_t>(i) * run.pixels;
        const float factor = factors.defined() ? factors.const_data_ptr<float>()[run.image + i] : 1.0f;
        for (int c = 0; c < filled; ++c) {
          scale[c] = factor * projectNorm_.scale()[c];
          shift[c] = factor * projectNorm_.shift()[c];
        }
        for (int b = 0; b < projected_.blocks; ++b) {
          kernels::AddNormalized task;
          task.input = projected_.at(run, b) + i * plane;
          task.scale = scale + ptrdiff_t{b} * lanes;
          task.shift = shift + ptrdiff_t{b} * lanes;
          if (block.settings.residual) task.residual = input_.at(run, b) + from * input_.pixel;
          task.residualPixel = input_.pixel;
          task.pixels = run.pixels;
          task.output = target.isTensor ? target.at(run, b) + from * target.pixel : scratch + b * plane;
          task.outputPixel = target.isTensor ? target.pixel : lanes;
          kernels.addNormalized(task);
        }
        if (!target.isTensor) writeImage(scratch, plane, run.pixels, lanes, output, run.image + i, run.pixel);
      }
    });
    return output;
  }

  Saved& saved_;
  Map input_, expanded_, depthwise_, projected_;
  NormCoefficients expandNorm_, depthwiseNorm_, projectNorm_;
};

}  // namespace

at::Tensor forward(const Arguments& block, Saved& saved) { return Forward(block, saved).run(); }

}  // namespace mbconv::block::cpu
