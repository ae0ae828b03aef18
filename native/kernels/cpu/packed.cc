#include "kernels/cpu/packed.h"

#include <algorithm>

namespace mbconv::kernels {

PackedMatrix::PackedMatrix(const float* source, const float* sourceBias, int outputs, int inputs, int kernel,
                           Order order, const Table& table)
    : lanes(table.lanes), vectors(roundedUp(outputs, lanes) / lanes), depth(inputs * kernel * kernel) {
  const int taps = kernel * kernel;
  // All segments of a window have the same length.
  const int segment = windowSegment(inputs, lanes);
  if (order == Order::blocks && taps > 1) depth = roundedUp(inputs, segment) * taps;
  weights = Buffer(static_cast<size_t>(depth) * vectors * lanes);
  bias = Buffer(static_cast<size_t>(vectors) * lanes);
  if (sourceBias != nullptr) std::copy_n(sourceBias, outputs, bias.data());
  size_t at = 0;
  // Panels of nearly the same width, and an even number of them where there are many: two threads share them well.
  int count = (vectors + table.panel - 1) / table.panel;
  if (count > 8 && count % 2 != 0) count += 1;
  for (int index = 0, first = 0; index < count; ++index) {
    const int width = vectors / count + (index < vectors % count ? 1 : 0);
    panels.push_back({first, width, at});
    for (int input = 0; input < inputs; ++input) {
      for (int tap = 0; tap < taps; ++tap) {
        int k = tap * inputs + input;
        if (order == Order::blocks && taps == 1) k = input;
        if (order == Order::blocks && taps > 1) k = (input / segment * taps + tap) * segment + input % segment;
        float* to = weights.data() + at + static_cast<size_t>(k) * width * lanes;
        for (int i = 0; i < width * lanes && first * lanes + i < outputs; ++i)
          to[i] = source[(static_cast<size_t>(first * lanes + i) * inputs + input) * taps + tap];
      }
    }
    at += static_cast<size_t>(depth) * width * lanes;
    first += width;
  }
}

PackedDepthwise::PackedDepthwise(const float* source, const float* sourceBias, int channels, int kernel,
                                 const Table& table) {
  const int lanes = table.lanes;
  const int taps = kernel * kernel;
  const size_t filled = roundedUp(channels, lanes);
  weights = Buffer(filled * taps);
  bias = Buffer(filled);
  std::copy_n(sourceBias, channels, bias.data());
  for (int channel = 0; channel < channels; ++channel)
    for (int tap = 0; tap < taps; ++tap)
      weights.data()[(channel / lanes * taps + tap) * lanes + channel % lanes] = source[channel * taps + tap];
}

PackedSqueezeExcite::PackedSqueezeExcite(const float* sourceFirst, const float* sourceFirstBias,
                                         const float* sourceSecond, const float* sourceSecondBias, int channels,
                                         int squeezed, const Table& table) {
  const int group = kExciteGroup * table.lanes;
  const size_t filled = roundedUp(channels, table.lanes);
  const size_t grouped = roundedUp(channels, group);
  first = Buffer(squeezed * filled);
  firstBias = Buffer(squeezed);
  second = Buffer(squeezed * grouped);
  secondBias = Buffer(grouped);
  std::copy_n(sourceFirstBias, squeezed, firstBias.data());
  std::copy_n(sourceSecondBias, channels, secondBias.data());
  for (int j = 0; j < squeezed; ++j) {
    std::copy_n(sourceFirst + static_cast<size_t>(j) * channels, channels, first.data() + j * filled);
    for (int c = 0; c < channels; ++c)
      second.data()[(static_cast<size_t>(c / group) * squeezed + j) * group + c % group] =
          sourceSecond[static_cast<size_t>(c) * squeezed + j];
  }
}

}  // namespace mbconv::kernels
