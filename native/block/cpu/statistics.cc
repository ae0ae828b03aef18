#include "block/cpu/statistics.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace mbconv::block {

namespace {

// Parameters and running statistics need not be contiguous.
const float* values(const at::Tensor& tensor, at::Tensor& copy) {
  copy = tensor.contiguous();
  return copy.const_data_ptr<float>();
}

void updateRunning(const at::Tensor& running, const std::vector<double>& now, double momentum) {
  if (!running.defined()) return;
  float* to = running.data_ptr<float>();
  const int64_t stride = running.stride(0);
  for (size_t c = 0; c < now.size(); ++c)
    to[c * stride] = static_cast<float>((1 - momentum) * to[c * stride] + momentum * now[c]);
}

}  // namespace

NormCoefficients::NormCoefficients(const Geometry& geometry, at::Tensor tensor, int channels)
    : tensor_(std::move(tensor)),
      data_(tensor_.data_ptr<float>()),
      filled_(geometry.filled(channels)),
      lanes_(geometry.lanes) {}

NormCoefficients::NormCoefficients(const Geometry& geometry, const BatchSums& sums, const Norm& norm,
                                   const Settings& settings)
    : NormCoefficients(geometry, at::zeros({4, geometry.filled(static_cast<int>(sums.first.size()))}, at::kFloat),
                       static_cast<int>(sums.first.size())) {
  at::Tensor weights, biases;
  const float* weight = values(norm.weight, weights);
  const float* bias = values(norm.bias, biases);
  const int channels = static_cast<int>(sums.first.size());
  std::vector<double> means(channels), variances(channels);
  for (int c = 0; c < channels; ++c) {
    const double mean = sums.first[c] / sums.count;
    // Rounding could make the variance of equal values negative. NaN stays.
    double variance = sums.second[c] / sums.count - mean * mean;
    if (variance < 0) variance = 0;
    const double inverse = 1 / std::sqrt(variance + settings.eps);
    means[c] = mean;
    variances[c] = variance * (sums.count / (sums.count - 1));
    row(0, 0)[c] = static_cast<float>(weight[c] * inverse);
    row(1, 0)[c] = static_cast<float>(bias[c] - mean * weight[c] * inverse);
    row(2, 0)[c] = static_cast<float>(mean);
    row(3, 0)[c] = static_cast<float>(inverse);
  }
  updateRunning(norm.mean, means, settings.momentum);
  updateRunning(norm.var, variances, settings.momentum);
}

NormGradients::NormGradients(const Geometry& geometry, const BatchSums& sums, const NormCoefficients& coefficients,
                             const Norm& norm)
    : weight(at::empty({static_cast<int64_t>(sums.first.size())}, at::kFloat)),
      bias(at::empty({static_cast<int64_t>(sums.first.size())}, at::kFloat)),
      lanes_(geometry.lanes),
      filled_(geometry.filled(static_cast<int>(sums.first.size()))),
      mean_(coefficients.mean()),
      buffer_(static_cast<size_t>(filled_) * 3) {
  at::Tensor weights;
  const float* gamma = values(norm.weight, weights);
  float* weightGradient = weight.data_ptr<float>();
  float* biasGradient = bias.data_ptr<float>();
  for (size_t c = 0; c < sums.first.size(); ++c) {
    const double inverse = coefficients.inverse()[c];
    weightGradient[c] = static_cast<float>(sums.second[c] * inverse);
    biasGradient[c] = static_cast<float>(sums.first[c]);
    buffer_.data()[c] = static_cast<float>(gamma[c] * inverse);
    buffer_.data()[filled_ + c] = static_cast<float>(inverse * inverse * sums.second[c] / sums.count);
    buffer_.data()[size_t{2} * filled_ + c] = static_cast<float>(sums.first[c] / sums.count);
  }
}

}  // namespace mbconv::block
