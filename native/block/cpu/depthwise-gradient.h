// The gradients of a depthwise convolution, one block of channels of one image at a time.
//
// That of the input is a convolution of the output's gradient with the turned kernel. At stride 2, the pixels of the
// input fall into four phases, each of which sees its own taps.
#pragma once

#include <array>

#include "block/cpu/pass.h"

namespace mbconv::block::cpu {

class DepthwiseGradient {
 public:
  explicit DepthwiseGradient(const Pass& pass);

  // The output's gradient lies in a padded plane of so many floats.
  size_t floats() const { return static_cast<size_t>(height_) * width_ * lanes_; }
  void clear(float* padded) const { std::fill_n(padded, floats(), 0.0f); }
  float* first(float* padded) const { return padded + (static_cast<ptrdiff_t>(top_) * width_ + left_) * lanes_; }
  ptrdiff_t row() const { return static_cast<ptrdiff_t>(width_) * lanes_; }

  // Adds the gradient of a block's weights, [kernel][kernel][lanes]. `input` has its padding around it.
  void addWeights(const float* input, ptrdiff_t inputRow, float* padded, float* weights) const;
  // Writes the gradient of the input, [height][width][lanes].
  void input(int block, const float* padded, float* output) const;

 private:
  // The taps and the pixels of one parity, along one side.
  struct Parity {
    int taps = 0;
    int first = 0;   // the first such pixel
    int pixels = 0;  // how many there are
    int from = 0;    // where the first one's first tap is, in the padded gradient
  };
  static Parity parityOf(int parity, const Side& side, int kernel);

  const Pass& pass_;
  int lanes_, kernel_, stride_;
  int top_ = 0, left_ = 0, height_ = 0, width_ = 0;
  kernels::Buffer weights_;  // stride 1: [block][kernel][kernel][lanes], turned
  kernels::Buffer zeros_;
  std::array<std::array<Parity, 2>, 2> parities_;         // of rows, of columns
  std::array<std::array<kernels::Buffer, 2>, 2> phases_;  // their weights, [block][taps of rows][of columns][lanes]
};

}  // namespace mbconv::block::cpu
