#include "block/cpu/squeeze-excite.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

namespace mbconv::block::cpu {

namespace {

float activated(Activation kind, float x) { return kind == Activation::silu ? x / (1 + std::exp(-x)) : x <= 0 ? 0 : x; }
double derivative(Activation kind, double x) {
  if (kind != Activation::silu) return x <= 0 ? 0 : 1;
  const double factor = 1 / (1 + std::exp(-x));
  return factor * (1 + x * (1 - factor));
}
double gateDerivative(Activation kind, double gate) {
  if (kind == Activation::sigmoid) return gate * (1 - gate);
  return gate <= 0 || gate >= 1 ? 0 : 1.0 / 6;
}

// output [images][matrix.outputs filled up] = activation(input [images][inputRow] · matrix + bias)
void multiplyRows(Pass& pass, const Matrix& matrix, const float* input, int inputRow, const float* bias,
                  Activation activation, float* output) {
  const int row = pass.geometry.filled(matrix.outputs);
  std::vector<ptrdiff_t> segments;
  for (int k = 0; k < matrix.depth; k += kernels::kMaxSegment) segments.push_back(k);
  pass.each(static_cast<int>(matrix.panels.size()), [&](int index) {
    const PackedMatrix::Panel& panel = matrix.panels[index];
    kernels::Product product;
    product.input = input;
    product.inputPixel = inputRow;
    product.segments = segments.data();
    product.segmentLength = kernels::kMaxSegment;
    product.depth = matrix.depth;
    product.panel = matrix.weights + panel.weights;
    product.vectors = panel.vectors;
    product.pixels = pass.geometry.images;
    product.output = output + ptrdiff_t{panel.first} * pass.lanes;
    product.outputPixel = row;
    product.outputVector = pass.lanes;
    product.epilogue.bias = bias + ptrdiff_t{panel.first} * pass.lanes;
    product.epilogue.activation = activation;
    pass.geometry.table.product(product);
  });
}

// to[j · narrowStride + c · wideStride] = Σ_image narrow[image][j] · wide[image][c]: the gradient of a layer's weights.
// Both matrices have rows that are filled up.
void multiplyColumns(Pass& pass, const float* narrow, int count, const float* wide, int channels, float* to,
                     ptrdiff_t narrowStride, ptrdiff_t wideStride) {
  const int lanes = pass.lanes;
  const int narrowRow = pass.geometry.filled(count);
  const int wideRow = pass.geometry.filled(channels);
  const std::vector<PackedMatrix::Panel> panels = panelsOf(wideRow / lanes, count, pass.geometry.table);
  const size_t floats = static_cast<size_t>(narrowRow) * kernels::kMaxPanel * lanes;
  pass.each(static_cast<int>(panels.size()), floats, [&](int index, float* product) {
    const PackedMatrix::Panel& panel = panels[index];
    const int first = panel.first * lanes;
    const ptrdiff_t width = static_cast<ptrdiff_t>(panel.vectors) * lanes;
    kernels::WeightGradient task;
    task.input = narrow;
    task.inputPixel = narrowRow;
    task.inputBlock = lanes;
    task.inputs = count;
    task.gradient = wide + first;
    task.gradientPixel = wideRow;
    task.gradientVector = lanes;
    task.vectors = panel.vectors;
    task.pixels = pass.geometry.images;
    task.output = product;
    pass.kernels.weightGradient(task);
    const int used = std::min(static_cast<int>(width), channels - first);
    for (int j = 0; j < count; ++j)
      for (int i = 0; i < used; ++i) to[j * narrowStride + (first + i) * wideStride] = product[j * width + i];
  });
}

kernels::Buffer filledUp(const Pass& pass, const at::Tensor& bias) {
  kernels::Buffer buffer(pass.geometry.filled(static_cast<int>(bias.size(0))));
  const at::Tensor values = bias.contiguous();
  std::copy_n(values.const_data_ptr<float>(), values.size(0), buffer.data());
  return buffer;
}

}  // namespace

void squeezeExcite(Pass& pass, Saved& saved) {
  const Arguments& block = pass.block;
  const int channels = pass.geometry.expanded;
  const int squeezed = static_cast<int>(block.squeeze.size(0));
  const int row = pass.geometry.filled(squeezed);
  const int64_t images = pass.geometry.images;
  Matrix first(squeezed, channels, pass.geometry.table);
  Matrix second(channels, squeezed, pass.geometry.table);
  pass.packAll(first, block.squeeze, channels, 1);
  pass.packAll(second, block.excite, squeezed, 1);
  saved.squeezed = at::empty({images, row}, at::kFloat);
  saved.gate = at::empty({images, pass.geometry.filled(channels)}, at::kFloat);
  multiplyRows(pass, first, saved.means.const_data_ptr<float>(), pass.geometry.filled(channels),
               filledUp(pass, block.squeezeBias).data(), Activation::none, saved.squeezed.data_ptr<float>());
  kernels::Buffer hidden(images * row);
  const float* values = saved.squeezed.const_data_ptr<float>();
  for (int64_t i = 0; i < images * row; ++i) hidden.data()[i] = activated(block.settings.squeezeActivation, values[i]);
  multiplyRows(pass, second, hidden.data(), row, filledUp(pass, block.exciteBias).data(), block.settings.gateActivation,
               saved.gate.data_ptr<float>());
}

void squeezeExciteBackward(Pass& pass, const Saved& saved, const Sums& gateSums, float* offsets, Gradients& gradients) {
  const Arguments& block = pass.block;
  const int images = pass.geometry.images;
  const int channels = pass.geometry.expanded;
  const int filled = pass.geometry.filled(channels);
  const int squeezed = static_cast<int>(block.squeeze.size(0));
  const int row = pass.geometry.filled(squeezed);
  const int lanes = pass.lanes;
  const float* gate = saved.gate.const_data_ptr<float>();
  const float* before = saved.squeezed.const_data_ptr<float>();

  // Through the gate's activation. A task has the channels of one block.
  kernels::Buffer excited(static_cast<size_t>(images) * filled);
  gradients.exciteBias = at::empty({channels}, at::kFloat);
  float* exciteBias = gradients.exciteBias.data_ptr<float>();
  pass.each(filled / lanes, [&](int index) {
    const int first = index * lanes;
    const int count = std::min(lanes, channels - first);
    double sums[16] = {};
    for (int n = 0; n < images; ++n) {
      const double* gradient = gateSums.at(n, index);
      const size_t at = static_cast<size_t>(n) * filled + first;
      for (int i = 0; i < count; ++i) {
        const double through = gradient[i] * gateDerivative(block.settings.gateActivation, gate[at + i]);
        excited.data()[at + i] = static_cast<float>(through);
        sums[i] += through;
      }
    }
    for (int i = 0; i < count; ++i) exciteBias[first + i] = static_cast<float>(sums[i]);
  });

  // Through the second layer and the activation between the two.
  Matrix second(squeezed, channels, pass.geometry.table);
  pass.packAll(second, block.excite, 1, squeezed);
  const kernels::Buffer zeros(static_cast<size_t>(std::max(filled, row)));
  kernels::Buffer inner(static_cast<size_t>(images) * row);
  kernels::Buffer hidden(static_cast<size_t>(images) * row);
  multiplyRows(pass, second, excited.data(), filled, zeros.data(), Activation::none, inner.data());
  gradients.squeezeBias = at::empty({squeezed}, at::kFloat);
  float* squeezeBias = gradients.squeezeBias.data_ptr<float>();
  pass.each(row / lanes, [&](int index) {
    for (int j = index * lanes; j < std::min((index + 1) * lanes, squeezed); ++j) {
      double sum = 0;
      for (int n = 0; n < images; ++n) {
        const size_t at = static_cast<size_t>(n) * row + j;
        hidden.data()[at] = activated(block.settings.squeezeActivation, before[at]);
        inner.data()[at] =
            static_cast<float>(inner.data()[at] * derivative(block.settings.squeezeActivation, before[at]));
        sum += inner.data()[at];
      }
      squeezeBias[j] = static_cast<float>(sum);
    }
  });

  // Through the first layer and the mean.
  Matrix first(channels, squeezed, pass.geometry.table);
  pass.packAll(first, block.squeeze, 1, channels);
  multiplyRows(pass, first, inner.data(), row, zeros.data(), Activation::none, offsets);
  const float share = 1.0f / static_cast<float>(pass.geometry.outputPixels());
  pass.each(images, [&](int n) {
    float* offset = offsets + static_cast<ptrdiff_t>(n) * filled;
    for (int c = 0; c < filled; ++c) offset[c] *= share;
  });

  gradients.squeeze = at::empty({squeezed, channels, 1, 1}, at::kFloat);
  gradients.excite = at::empty({channels, squeezed, 1, 1}, at::kFloat);
  multiplyColumns(pass, inner.data(), squeezed, saved.means.const_data_ptr<float>(), channels,
                  gradients.squeeze.data_ptr<float>(), channels, 1);
  multiplyColumns(pass, hidden.data(), squeezed, excited.data(), channels, gradients.excite.data_ptr<float>(), 1,
                  squeezed);
}

}  // namespace mbconv::block::cpu
