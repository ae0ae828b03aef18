// Sums over a batch, and what batch norm makes of them.
#pragma once

#include <functional>
#include <vector>

#include "block/cpu/geometry.h"
#include "block/definition/arguments.h"

namespace mbconv::block {

// Sums of a few terms for each channel, of each part of a batch.
class Sums {
 public:
  Sums(const Geometry& geometry, int parts, int channels, int terms)
      : lanes_(geometry.lanes),
        parts_(parts),
        terms_(terms),
        blocks_(geometry.blocks(channels)),
        values_(static_cast<size_t>(parts) * blocks_ * terms * lanes_) {}

  int parts() const { return parts_; }
  // [terms][lanes]
  double* at(int part, int block) { return values_.data() + first(part, block); }
  const double* at(int part, int block) const { return values_.data() + first(part, block); }
  double term(int part, int channel, int term) const {
    const size_t block = static_cast<size_t>(part) * blocks_ + channel / lanes_;
    return values_[(block * terms_ + term) * lanes_ + channel % lanes_];
  }

 private:
  size_t first(int part, int block) const { return (static_cast<size_t>(part) * blocks_ + block) * terms_ * lanes_; }

  int lanes_, parts_, terms_, blocks_;
  std::vector<double> values_;
};

// The two sums of each channel over the whole batch: of x and x² forward, of g and g · (x - mean) backward.
struct BatchSums {
  double count = 0;  // values of a channel
  std::vector<double> first, second;
};

// Adds up the parts of a batch, in their order. All statistics of a batch pass through here: what several processes
// have of one batch would be added here too.
//
// term(part, channel, 0 or 1) is a part's contribution; each(tasks, body) calls body(task) on all threads.
template <class Each, class Term>
BatchSums batchSums(const Each& each, int parts, int channels, double count, const Term& term) {
  constexpr int kChannels = 64;  // of a task
  BatchSums sums{count, std::vector<double>(channels), std::vector<double>(channels)};
  each((channels + kChannels - 1) / kChannels, [&](int task) {
    const int end = std::min(channels, (task + 1) * kChannels);
    for (int part = 0; part < parts; ++part) {
      for (int channel = task * kChannels; channel < end; ++channel) {
        sums.first[channel] += term(part, channel, 0);
        sums.second[channel] += term(part, channel, 1);
      }
    }
  });
  return sums;
}

// The coefficients of a batch norm, in one tensor that the gradient can keep: scale, shift, mean and 1 / deviation of
// each channel, filled up with zeros.
class NormCoefficients {
 public:
  NormCoefficients() = default;
  NormCoefficients(const Geometry& geometry, at::Tensor tensor, int channels);
  // From the sums of x and x². Updates the running statistics.
  NormCoefficients(const Geometry& geometry, const BatchSums& sums, const Norm& norm, const Settings& settings);

  const at::Tensor& tensor() const { return tensor_; }
  const float* scale(int block = 0) const { return row(0, block); }
  const float* shift(int block = 0) const { return row(1, block); }
  const float* mean(int block = 0) const { return row(2, block); }
  const float* inverse(int block = 0) const { return row(3, block); }
  kernels::Activated activated(int block, Activation activation) const {
    return {scale(block), shift(block), mean(block), activation};
  }

 private:
  float* row(int index, int block) const { return data_ + static_cast<ptrdiff_t>(index) * filled_ + block * lanes_; }

  at::Tensor tensor_;
  float* data_ = nullptr;
  int filled_ = 0;
  int lanes_ = 0;
};

// The gradient of a batch norm: for its input as coefficients, for its weight and bias as they are.
class NormGradients {
 public:
  NormGradients(const Geometry& geometry, const BatchSums& sums, const NormCoefficients& coefficients,
                const Norm& norm);

  kernels::NormGradient of(int block) const {
    const ptrdiff_t at = static_cast<ptrdiff_t>(block) * lanes_;
    return {buffer_.data() + at, buffer_.data() + filled_ + at, mean_ + at, buffer_.data() + 2 * filled_ + at};
  }
  at::Tensor weight, bias;

 private:
  int lanes_;
  int filled_;
  const float* mean_;
  kernels::Buffer buffer_;
};

}  // namespace mbconv::block
