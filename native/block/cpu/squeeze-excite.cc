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
    product.panel = matrix.weights.data() + panel.weights;
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

void squeezeExciteBackward(Pass& pass, const Saved& saved, const std::vector<double>& gateGradients, float* offsets,
                           Gradients& gradients) {
  const Arguments& block = pass.block;
  const int images = pass.geometry.images;
  const int channels = pass.geometry.expanded;
  const int filled = pass.geometry.filled(channels);
  const int squeezed = static_cast<int>(block.squeeze.size(0));
  const int row = pass.geometry.filled(squeezed);
  const float* gate = saved.gate.const_data_ptr<float>();
  const float* before = saved.squeezed.const_data_ptr<float>();
  const float* means = saved.means.const_data_ptr<float>();

  // Through the gate's activation.
  kernels::Buffer excited(static_cast<size_t>(images) * filled);
  gradients.exciteBias = at::empty({channels}, at::kFloat);
  for (int c = 0; c < channels; ++c) {
    double sum = 0;
    for (int n = 0; n < images; ++n) {
      const double gradient = gateGradients[static_cast<size_t>(n) * channels + c] *
                              gateDerivative(block.settings.gateActivation, gate[static_cast<size_t>(n) * filled + c]);
      excited.data()[static_cast<size_t>(n) * filled + c] = static_cast<float>(gradient);
      sum += gradient;
    }
    gradients.exciteBias.data_ptr<float>()[c] = static_cast<float>(sum);
  }

  // Through the second layer and the activation between the two.
  Matrix second(squeezed, channels, pass.geometry.table);
  pass.packAll(second, block.excite, 1, squeezed);
  const kernels::Buffer zeros(static_cast<size_t>(std::max(filled, row)));
  kernels::Buffer inner(static_cast<size_t>(images) * row);
  kernels::Buffer hidden(static_cast<size_t>(images) * row);
  multiplyRows(pass, second, excited.data(), filled, zeros.data(), Activation::none, inner.data());
  gradients.squeezeBias = at::empty({squeezed}, at::kFloat);
  for (int j = 0; j < squeezed; ++j) {
    double sum = 0;
    for (int n = 0; n < images; ++n) {
      const size_t at = static_cast<size_t>(n) * row + j;
      hidden.data()[at] = activated(block.settings.squeezeActivation, before[at]);
      inner.data()[at] =
          static_cast<float>(inner.data()[at] * derivative(block.settings.squeezeActivation, before[at]));
      sum += inner.data()[at];
    }
    gradients.squeezeBias.data_ptr<float>()[j] = static_cast<float>(sum);
  }

  // Through the first layer and the mean.
  Matrix first(channels, squeezed, pass.geometry.table);
  pass.packAll(first, block.squeeze, 1, channels);
  multiplyRows(pass, first, inner.data(), row, zeros.data(), Activation::none, offsets);
  const float share = 1.0f / static_cast<float>(pass.geometry.outputPixels());
  for (size_t i = 0; i < static_cast<size_t>(images) * filled; ++i) offsets[i] *= share;

  // The weights of both: a task has the channels of one block.
  gradients.squeeze = at::empty({squeezed, channels, 1, 1}, at::kFloat);
  gradients.excite = at::empty({channels, squeezed, 1, 1}, at::kFloat);
  float* toFirst = gradients.squeeze.data_ptr<float>();
  float* toSecond = gradients.excite.data_ptr<float>();
  const int lanes = pass.lanes;
  pass.each(filled / lanes, [&](int task) {
    const int begin = task * lanes;
    const int count = std::min(lanes, channels - begin);
    for (int j = 0; j < squeezed; ++j) {
      double sums[2][16] = {};
      for (int n = 0; n < images; ++n) {
        const size_t at = static_cast<size_t>(n) * filled + begin;
        const double innerValue = inner.data()[static_cast<size_t>(n) * row + j];
        const double hiddenValue = hidden.data()[static_cast<size_t>(n) * row + j];
        for (int i = 0; i < count; ++i) {
          sums[0][i] += innerValue * means[at + i];
          sums[1][i] += hiddenValue * excited.data()[at + i];
        }
      }
      for (int i = 0; i < count; ++i) {
        toFirst[static_cast<ptrdiff_t>(j) * channels + begin + i] = static_cast<float>(sums[0][i]);
        toSecond[static_cast<ptrdiff_t>(begin + i) * squeezed + j] = static_cast<float>(sums[1][i]);
      }
    }
  });
}

}  // namespace mbconv::block::cpu
