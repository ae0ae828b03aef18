// What a set of kernels offers: one table of functions for each instruction set, made from the same sources.
//
// Feature maps lie in blocks of channels: [channels / lanes][pixels][lanes], where `lanes` is the number of floats in a
// vector of the instruction set. The last block is filled up with zeros. All strides count floats.
//
// Units of one instruction set must not share inline functions with other units: the linker would keep one copy of such
// a function, perhaps the one that the processor cannot run. So this file, and all that it includes, declares nothing
// but plain data, and includes no header of the C++ library or of libtorch.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace mbconv::kernels {

enum class Activation : int32_t { none, silu, relu, relu6, hardswish, sigmoid, hardsigmoid };

// A tile of a product is at most so many vectors wide. Weights are packed in panels of one to so many vectors.
inline constexpr int kMaxPanel = 3;
// A tap of a kernel is a segment of the sum: see Product.
inline constexpr int kMaxKernel = 7;

// What happens to a sum before it is stored: bias, activation, residual.
struct Epilogue {
  const float* bias = nullptr;  // [vectors][lanes]
  Activation activation = Activation::none;
  // Added to the result; nothing if null. It lies as the output does.
  const float* residual = nullptr;
  // The residual is added before the activation (ResNet), and not after it.
  bool activatesSum = false;
};

// output[pixel] = epilogue(Σ_k input[pixel][k] · panel[k]), for rows of pixels: a convolution whose weights are a
// matrix.
//
// The sum runs over `depth` inputs. They lie in segments of `segmentLength` contiguous floats, the last one perhaps
// shorter; segment s of a pixel begins at input + segments[s]. A pointwise convolution has one segment for each block
// of channels; a convolution of k x k has one for each block and tap; the first layer has one for each row of its
// kernel. Segments of more than kMaxSegment floats are cut.
inline constexpr int kMaxSegment = 128;

struct Product {
  const float* input = nullptr;
  ptrdiff_t inputPixel = 0;  // from a pixel to the next
  ptrdiff_t inputRow = 0;
  const ptrdiff_t* segments = nullptr;
  int segmentLength = 0;
  int depth = 0;

  const float* panel = nullptr;  // [depth][vectors][lanes]
  int vectors = 0;               // 1 … kMaxPanel
  int rows = 1;
  int pixels = 0;  // of a row

  float* output = nullptr;
  ptrdiff_t outputPixel = 0;
  ptrdiff_t outputVector = 0;
  ptrdiff_t outputRow = 0;
  Epilogue epilogue;
  // [vectors][lanes]: results are added up here over all pixels. The output is then used as scratch memory. Null to
  // store the results.
  float* sums = nullptr;
};

// A depthwise convolution of one block of channels. The input has its padding around it.
struct Depthwise {
  const float* input = nullptr;  // the first tap of the first output
  ptrdiff_t inputRow = 0;
  const float* weights = nullptr;  // [kernel][kernel][lanes]
  const float* bias = nullptr;     // [lanes]
  int kernel = 0;
  int stride = 1;
  Activation activation = Activation::none;
  int rows = 0;
  int pixels = 0;
  float* output = nullptr;
  ptrdiff_t outputRow = 0;
  float* sums = nullptr;  // [lanes]: the sum of the outputs is added to it
};

// Squeeze-and-excitation: gate = gateActivation(second · activation(first · mean + firstBias) + secondBias).
//
// Each half is computed in parts, so that several threads can share it.
inline constexpr int kExciteGroup = 4;  // vectors of the gate that are computed at once
struct SqueezeExcite {
  const float* mean = nullptr;  // [channels]
  int channels = 0;             // a multiple of lanes
  int squeezed = 0;
  const float* first = nullptr;  // [squeezed][channels]
  const float* firstBias = nullptr;
  const float* second = nullptr;      // [groups][squeezed][kExciteGroup][lanes]
  const float* secondBias = nullptr;  // [groups][kExciteGroup][lanes]
  Activation activation = Activation::silu;
  Activation gateActivation = Activation::sigmoid;
  float* hidden = nullptr;  // [squeezed]
  float* gate = nullptr;    // [groups][kExciteGroup][lanes]
};

struct Table {
  const char* name;
  int lanes;
  int panel;  // vectors of the widest panel, at most kMaxPanel
  void (*product)(const Product&);
  void (*depthwise)(const Depthwise&);
  // mean[channels] = Σ sums[part][channels] / pixels
  void (*mean)(const float* sums, int parts, int channels, float pixels, float* mean);
  void (*squeeze)(const SqueezeExcite&, int from, int to);  // a part of `hidden`
  void (*excite)(const SqueezeExcite&, int group);          // a group of `gate`
  // output[pixel] = input[pixel] · gate, of one block of channels. May work in place.
  void (*scale)(const float* input, const float* gate, int pixels, float* output);
  // output[k][vectors][lanes] = panel[k][vectors][lanes] · gate[k]
  void (*scalePanel)(const float* panel, const float* gate, int depth, int vectors, float* output);
  // The maximum of a window of kernel x kernel, of one block of channels. Its padding must be -∞. `columns` is scratch
  // memory for a row of the input.
  void (*maxPool)(const float* input, ptrdiff_t inputRow, int kernel, int stride, int rows, int pixels, float* output,
                  float* columns);
  // total[lanes] = Σ input[pixel][lanes]; most[lanes] is their maximum.
  void (*sum)(const float* input, int pixels, float* total);
  void (*most)(const float* input, int pixels, float* most);
};

}  // namespace mbconv::kernels
