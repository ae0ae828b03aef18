#include "block/cpu/depthwise-gradient.h"

namespace mbconv::block::cpu {

namespace {

// A pixel of the input at i sees outputs up to (i + before) / stride; there may be fewer.
int paddedSide(int before, const Side& side, int kernel, int stride) {
  if (stride == 1) return static_cast<int>(side.input) + kernel - 1;
  const int64_t seen = (side.input - 1 + side.before) / 2 + 1;
  return before + static_cast<int>(std::max(seen, side.output));
}

}  // namespace

DepthwiseGradient::Parity DepthwiseGradient::parityOf(int parity, const Side& side, int kernel) {
  Parity found;
  found.taps = (kernel - parity + 1) / 2;
  found.first = static_cast<int>((parity + side.before) % 2);
  found.pixels = static_cast<int>(std::max<int64_t>((side.input - found.first + 1) / 2, 0));
  const int padding = (kernel - 1) / 2;
  found.from = padding + static_cast<int>(found.first + side.before - parity) / 2 - (found.taps - 1);
  return found;
}

DepthwiseGradient::DepthwiseGradient(const Pass& pass)
    : pass_(pass), lanes_(pass.lanes), kernel_(pass.geometry.kernel), stride_(pass.geometry.stride) {
  const Geometry& geometry = pass.geometry;
  const bool strided = stride_ == 2;
  top_ = strided ? (kernel_ - 1) / 2 : kernel_ - 1 - static_cast<int>(geometry.height.before);
  left_ = strided ? (kernel_ - 1) / 2 : kernel_ - 1 - static_cast<int>(geometry.width.before);
  height_ = paddedSide(top_, geometry.height, kernel_, stride_);
  width_ = paddedSide(left_, geometry.width, kernel_, stride_);
  const float* source = pass.block.depthwise.const_data_ptr<float>();
  const int channels = geometry.expanded;
  const int filled = geometry.filled(channels);
  const int taps = kernel_ * kernel_;
  if (!strided) {
    zeros_ = kernels::Buffer(lanes_);
    weights_ = kernels::Buffer(static_cast<size_t>(filled) * taps);
    for (int c = 0; c < channels; ++c)
      for (int tap = 0; tap < taps; ++tap)
        weights_.data()[(c / lanes_ * taps + taps - 1 - tap) * lanes_ + c % lanes_] = source[c * taps + tap];
    return;
  }
  for (int parity = 0; parity < 2; ++parity) {
    parities_[0][parity] = parityOf(parity, geometry.height, kernel_);
    parities_[1][parity] = parityOf(parity, geometry.width, kernel_);
  }
  for (int py = 0; py < 2; ++py) {
    for (int px = 0; px < 2; ++px) {
      const int rows = parities_[0][py].taps;
      const int columns = parities_[1][px].taps;
      kernels::Buffer& phase = phases_[py][px];
      phase = kernels::Buffer(static_cast<size_t>(filled) * rows * columns);
      for (int c = 0; c < channels; ++c)
        for (int i = 0; i < rows; ++i)
          for (int j = 0; j < columns; ++j)
            phase.data()[((c / lanes_ * rows + i) * columns + j) * lanes_ + c % lanes_] =
                source[c * taps + (py + 2 * (rows - 1 - i)) * kernel_ + px + 2 * (columns - 1 - j)];
    }
  }
}

void DepthwiseGradient::addWeights(const float* input, ptrdiff_t inputRow, float* padded, float* weights) const {
  kernels::DepthwiseWeightGradient task;
  task.input = input;
  task.inputRow = inputRow;
  task.gradient = first(padded);
  task.gradientRow = row();
  task.kernel = kernel_;
  task.stride = stride_;
  task.rows = static_cast<int>(pass_.geometry.height.output);
  task.pixels = static_cast<int>(pass_.geometry.width.output);
  task.output = weights;
  pass_.kernels.depthwiseWeightGradient(task);
}

void DepthwiseGradient::input(int block, const float* padded, float* output) const {
  const int height = static_cast<int>(pass_.geometry.height.input);
  const int width = static_cast<int>(pass_.geometry.width.input);
  if (stride_ == 1) {
    kernels::Depthwise task;
    task.input = padded;
    task.inputRow = row();
    task.weights = weights_.data() + static_cast<ptrdiff_t>(block) * kernel_ * kernel_ * lanes_;
    task.bias = zeros_.data();
    task.kernel = kernel_;
    task.rows = height;
    task.pixels = width;
    task.output = output;
    task.outputRow = static_cast<ptrdiff_t>(width) * lanes_;
    pass_.geometry.table.depthwise(task);
    return;
  }
  for (int py = 0; py < 2; ++py) {
    for (int px = 0; px < 2; ++px) {
      const Parity& rows = parities_[0][py];
      const Parity& columns = parities_[1][px];
      kernels::Phase task;
      task.input = padded + (static_cast<ptrdiff_t>(rows.from) * width_ + columns.from) * lanes_;
      task.inputRow = row();
      task.weights = phases_[py][px].data() + static_cast<ptrdiff_t>(block) * rows.taps * columns.taps * lanes_;
      task.height = rows.taps;
      task.width = columns.taps;
      task.rows = rows.pixels;
      task.pixels = columns.pixels;
      task.output = output + (static_cast<ptrdiff_t>(rows.first) * width + columns.first) * lanes_;
      task.outputRow = static_cast<ptrdiff_t>(2) * width * lanes_;
      task.outputPixel = static_cast<ptrdiff_t>(2) * lanes_;
      pass_.kernels.phase(task);
    }
  }
}

}  // namespace mbconv::block::cpu
