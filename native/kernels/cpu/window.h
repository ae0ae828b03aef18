// Rows of maps with zeros around them, as kernels of several pixels want their input.
#pragma once

#include <algorithm>

namespace mbconv::kernels {

// The rows of one block that the outputs from row `first` to `last` (exclusive) read: [height][width][lanes].
struct Window {
  int top = 0;     // the map's row that its first row is; negative in the padding
  int height = 0;  // rows
  int width = 0;   // pixels of a row
  int left = 0;    // pixels of padding before the map's first
  int mapHeight = 0;
  int mapWidth = 0;
  int lanes = 0;

  size_t floats() const { return static_cast<size_t>(height) * width * lanes; }
  // The map's rows that are in it.
  int from() const { return std::clamp(top, 0, mapHeight); }
  int to() const { return std::clamp(top + height, from(), mapHeight); }
  // The map's columns that are in it, from the first.
  int columns() const { return std::min(mapWidth, width - left); }
  float* pixel(float* window, int row) const {
    return window + (static_cast<size_t>(row - top) * width + left) * lanes;
  }

  void clearAround(float* window) const {
    std::fill(window, window + static_cast<size_t>(from() - top) * width * lanes, 0.0f);
    for (int row = from(); row < to(); ++row) {
      float* begin = pixel(window, row);
      std::fill(begin - left * lanes, begin, 0.0f);
      std::fill(begin + columns() * lanes, begin + (width - left) * lanes, 0.0f);
    }
    std::fill(window + static_cast<size_t>(to() - top) * width * lanes, window + floats(), 0.0f);
  }
  // Copies the rows of a block of the map, whose pixels lie `mapPixel` floats apart.
  void fill(const float* map, ptrdiff_t mapPixel, float* window) const {
    for (int row = from(); row < to(); ++row) {
      const float* begin = map + static_cast<ptrdiff_t>(row) * mapWidth * mapPixel;
      float* out = pixel(window, row);
      if (mapPixel == lanes) {
        std::copy(begin, begin + static_cast<size_t>(columns()) * lanes, out);
        continue;
      }
      for (int column = 0; column < columns(); ++column, begin += mapPixel, out += lanes)
        std::copy(begin, begin + lanes, out);
    }
  }
  void fill(const float* map, float* window) const { fill(map, lanes, window); }
};

// The number of chunks that a few threads share well: a multiple of four, unless there are many of them or few rows.
inline int balanced(int count, int rows) {
  if (count == 1 || count > 24) return count;
  return std::min((count + 3) / 4 * 4, rows);
}

// Cuts `rows` of outputs into chunks of nearly the same size.
struct Chunks {
  int rows = 0;
  int count = 0;
  int begin(int chunk) const { return static_cast<int>(static_cast<int64_t>(rows) * chunk / count); }
  int end(int chunk) const { return begin(chunk + 1); }
  int longest() const { return (rows + count - 1) / count; }
};

}  // namespace mbconv::kernels
