#include "decode/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mbconv {

namespace {

// Weights are whole numbers of this many binary places. A sum of 8-bit values with signed weights needs 10 bits more.
constexpr int kPlaces = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kPlaces - 1);

double weightOf(Resampling filter, double x) {
  x = std::abs(x);
  if (filter == Resampling::kBilinear) return x < 1 ? 1 - x : 0;
  // Keys' cubic convolution with a = -1/2.
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// As Pillow's casts: 0.5 was added, and what is above the whole number is cut off.
int cut(double value) { return static_cast<int>(value); }

int32_t rounded(double weight) {
  const double scaled = weight * (1 << kPlaces);
  return static_cast<int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

// The compiler turns the loops below into vector instructions, for every processor and again for those with AVX2.
#if defined(__x86_64__) && defined(__GNUC__)
#define MBCONV_AVX2 __attribute__((target("avx2")))
#endif
#define MBCONV_INLINE inline __attribute__((always_inline))

// The four channels of a pixel, side by side.
using Four = int32_t __attribute__((vector_size(16)));
using FourBytes = uint8_t __attribute__((vector_size(4)));

MBCONV_INLINE Four pixelAt(const uint8_t* at) {
  FourBytes bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, Four);
}

MBCONV_INLINE uint8_t clipped(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPlaces, 0, 255)); }

MBCONV_INLINE void storePixel(Four sum, uint8_t* to) {
  constexpr Four kLeast = {0, 0, 0, 0}, kMost = {255, 255, 255, 255};
  const Four value = sum >> kPlaces;
  const Four raised = value < kLeast ? kLeast : value;
  const FourBytes bytes = __builtin_convertvector(raised > kMost ? kMost : raised, FourBytes);
  std::memcpy(to, &bytes, sizeof bytes);
}

// Resizes `kRows` rows across. Several at once share the weights, and keep the processor busy.
template <int kRows>
MBCONV_INLINE void acrossRows(const uint8_t* from, size_t stride, const Axis& axis, uint8_t* to) {
  const int size = axis.length();
  const size_t resultStride = static_cast<size_t>(size) * kPixelBytes;
  for (int x = 0; x < size; ++x) {
    const int32_t* weights = axis.weights.data() + static_cast<size_t>(x) * axis.stride;
    const uint8_t* first = from + static_cast<size_t>(axis.first[x] - axis.used.from) * kPixelBytes;
    Four sums[kRows];
    for (int r = 0; r < kRows; ++r) sums[r] = Four{kHalf, kHalf, kHalf, kHalf};
    for (int i = 0; i < axis.count[x]; ++i) {
      const int32_t weight = weights[i];
      for (int r = 0; r < kRows; ++r) sums[r] += pixelAt(first + r * stride + i * kPixelBytes) * weight;
    }
    for (int r = 0; r < kRows; ++r) storePixel(sums[r], to + r * resultStride + x * kPixelBytes);
  }
}

MBCONV_INLINE void across(const View& view, const Axis& axis, uint8_t* to) {
  constexpr int kRows = 4;
  const size_t resultStride = static_cast<size_t>(axis.length()) * kPixelBytes;
  int y = 0;
  for (; y + kRows <= view.height; y += kRows) acrossRows<kRows>(view.row(y), view.stride, axis, to + y * resultStride);
  for (; y < view.height; ++y) acrossRows<1>(view.row(y), view.stride, axis, to + y * resultStride);
}

MBCONV_INLINE void down(const View& view, const Axis& axis, uint8_t* to) {
  constexpr size_t kPart = 256;  // sums that stay in the nearest cache
  const size_t bytes = static_cast<size_t>(view.width) * kPixelBytes;
  int32_t sums[kPart];
  for (int y = 0; y < axis.length(); ++y) {
    const int32_t* weights = axis.weights.data() + static_cast<size_t>(y) * axis.stride;
    for (size_t start = 0; start < bytes; start += kPart) {
      const size_t part = std::min(kPart, bytes - start);
      std::fill(sums, sums + part, kHalf);
      for (int i = 0; i < axis.count[y]; ++i) {
        const uint8_t* row = view.row(axis.first[y] - axis.used.from + i) + start;
        const int32_t weight = weights[i];
        for (size_t x = 0; x < part; ++x) sums[x] += row[x] * weight;
      }
      uint8_t* result = to + y * bytes + start;
      for (size_t x = 0; x < part; ++x) result[x] = clipped(sums[x]);
    }
  }
}

void acrossPlain(const View& view, const Axis& axis, uint8_t* to) { across(view, axis, to); }
void downPlain(const View& view, const Axis& axis, uint8_t* to) { down(view, axis, to); }

#ifdef MBCONV_AVX2
MBCONV_AVX2 void acrossAvx2(const View& view, const Axis& axis, uint8_t* to) { across(view, axis, to); }
MBCONV_AVX2 void downAvx2(const View& view, const Axis& axis, uint8_t* to) { down(view, axis, to); }
#endif

using Pass = void (*)(const View&, const Axis&, uint8_t*);

struct Passes {
  Pass across, down;
};

Passes bestPasses() {
#ifdef MBCONV_AVX2
  if (__builtin_cpu_supports("avx2")) return {acrossAvx2, downAvx2};
#endif
  return {acrossPlain, downPlain};
}

// Whether Pillow resizes downwards before across: if the height shrinks, and by more than twice what the width does.
bool downFirst(const Axis& columns, const Axis& rows) {
  const int64_t lower = int64_t{rows.source} - rows.size, slimmer = int64_t{columns.source} - columns.size;
  return lower > 0 && lower > 2 * slimmer;
}

}  // namespace

std::optional<Resampling> resamplingNamed(const std::string& name) {
  if (name == "bilinear") return Resampling::kBilinear;
  if (name == "bicubic") return Resampling::kBicubic;
  return std::nullopt;
}

Axis axisOf(int source, float from, float to, int size, Range window, Resampling filter) {
  Axis axis;
  axis.source = source;
  axis.size = size;
  axis.copies = from == 0 && to == static_cast<float>(size) && size == source;
  // Pillow subtracts in single precision.
  const double scale = static_cast<double>(to - from) / size;
  const double stretch = std::max(scale, 1.0);
  const double support = (filter == Resampling::kBilinear ? 1.0 : 2.0) * stretch;
  axis.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  const int length = window.length();
  axis.first.resize(length);
  axis.count.resize(length);
  axis.weights.assign(static_cast<size_t>(length) * axis.stride, 0);
  axis.used = {source, 0};
  std::vector<double> exact(axis.stride);
  for (int i = 0; i < length; ++i) {
    const double centre = from + (window.from + i + 0.5) * scale;
    const int first = std::max(cut(centre - support + 0.5), 0);
    const int count = std::min(cut(centre + support + 0.5), source) - first;
    double sum = 0;
    for (int k = 0; k < count; ++k) {
      exact[k] = weightOf(filter, (k + first - centre + 0.5) * (1.0 / stretch));
      sum += exact[k];
    }
    int32_t* weights = axis.weights.data() + static_cast<size_t>(i) * axis.stride;
    for (int k = 0; k < count; ++k) weights[k] = rounded(sum == 0 ? exact[k] : exact[k] / sum);
    axis.first[i] = first;
    axis.count[i] = count;
    axis.used = {std::min(axis.used.from, first), std::max(axis.used.to, first + count)};
  }
  if (axis.copies) axis.used = window;
  return axis;
}

void resize(const View& view, const Axis& columns, const Axis& rows, Buffer& narrow, uint8_t* result) {
  const Passes passes = bestPasses();
  const auto viewOf = [](const uint8_t* pixels, int width, int height) {
    return View{pixels, static_cast<size_t>(width) * kPixelBytes, width, height};
  };
  const auto roomFor = [&](int width, int height) {
    return narrow.room(static_cast<size_t>(width) * height * kPixelBytes);
  };
  if (columns.copies && rows.copies) {
    const size_t bytes = static_cast<size_t>(view.width) * kPixelBytes;
    for (int y = 0; y < view.height; ++y) std::memcpy(result + y * bytes, view.row(y), bytes);
  } else if (rows.copies) {
    passes.across(view, columns, result);
  } else if (columns.copies) {
    passes.down(view, rows, result);
  } else if (downFirst(columns, rows)) {
    uint8_t* low = roomFor(view.width, rows.length());
    passes.down(view, rows, low);
    passes.across(viewOf(low, view.width, rows.length()), columns, result);
  } else {
    uint8_t* slim = roomFor(columns.length(), view.height);
    passes.across(view, columns, slim);
    passes.down(viewOf(slim, columns.length(), view.height), rows, result);
  }
}

}  // namespace mbconv
