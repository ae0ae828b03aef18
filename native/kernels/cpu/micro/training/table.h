// The kernels of training: the gradients of products and depthwise convolutions, and the passes of batch norm.
//
// Batch norm with the statistics of a batch is scale · x + shift for each channel. Its gradient, for a gradient g of
// its output, is a · (g - (b · (x - mean) + c)): a rounded factor of the whole does less harm than one of each term.
// The passes below work on one block of channels.
//
// Sums that run over a whole map are kept in double precision. Inside, a sum in single precision starts afresh after
// some pixels.
#pragma once

#include "kernels/cpu/micro/table.h"

namespace mbconv::kernels {

inline constexpr int kPixelRun = 196;  // of pixels that are worked on at once
inline constexpr int kWeightRun = 64;  // of a weight's gradient
inline constexpr int kSumRun = 48;     // of a pass

// output[k][v] = Σ_pixel input[pixel][k] · gradient[pixel][v]: the gradient of the weights of a product.
struct WeightGradient {
  const float* input = nullptr;  // blocks of lanes
  ptrdiff_t inputPixel = 0;
  ptrdiff_t inputBlock = 0;
  int inputs = 0;  // values of a pixel
  const float* gradient = nullptr;
  ptrdiff_t gradientPixel = 0;
  ptrdiff_t gradientVector = 0;
  int vectors = 0;  // 1 … kMaxPanel
  int pixels = 0;
  float* output = nullptr;  // [inputs, filled up to whole blocks][vectors][lanes]
  bool adds = false;        // to what is in the output
};

// output[tap] += Σ_pixel input[pixel · stride + tap] · gradient[pixel], for one block of channels
struct DepthwiseWeightGradient {
  const float* input = nullptr;  // the first tap of the first pixel; the padding is around it
  ptrdiff_t inputRow = 0;
  const float* gradient = nullptr;
  ptrdiff_t gradientRow = 0;
  int kernel = 0;
  int stride = 1;
  int rows = 0;
  int pixels = 0;
  float* output = nullptr;  // [kernel][kernel][lanes]
};

// output[pixel] = Σ_tap input[pixel + tap] · weights[tap]: one of the four phases of a strided depthwise convolution's
// gradient. Each phase has the taps, and writes the pixels, of one parity.
struct Phase {
  const float* input = nullptr;
  ptrdiff_t inputRow = 0;
  const float* weights = nullptr;  // [height][width][lanes]
  int height = 0;
  int width = 0;  // 1 … 4
  int rows = 0;
  int pixels = 0;
  float* output = nullptr;
  ptrdiff_t outputRow = 0;
  ptrdiff_t outputPixel = 0;
};

// output = factor · activation(scale · input + shift)
struct Normalize {
  const float* input = nullptr;  // [rows][pixels][lanes]
  const float* scale = nullptr;  // [lanes], like all that follow
  const float* shift = nullptr;
  const float* factor = nullptr;  // null for 1
  Activation activation = Activation::none;
  int rows = 1;
  int pixels = 0;
  float* output = nullptr;
  ptrdiff_t outputRow = 0;
  float* derivative = nullptr;  // [rows][pixels][lanes]: of the activation. Null if it is not wanted
};

// output = scale · input + shift + residual, where there is one
struct AddNormalized {
  const float* input = nullptr;  // [pixels][lanes]
  const float* scale = nullptr;  // [lanes]
  const float* shift = nullptr;
  const float* residual = nullptr;
  ptrdiff_t residualPixel = 0;
  int pixels = 0;
  float* output = nullptr;
  ptrdiff_t outputPixel = 0;
};

// What the gradient of a batch norm is made of.
struct NormGradient {
  const float* a = nullptr;
  const float* b = nullptr;
  const float* mean = nullptr;
  const float* c = nullptr;
};

// How the activation of a batch norm's output is made: activation(scale · x + shift).
struct Activated {
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* mean = nullptr;
  Activation activation = Activation::none;
};

// The sums that the gradient through a gate needs: for a gradient g of gate · y, where y = activation(z),
//   normSums[0] += Σ gate · g · y′             of the batch norm's, for the gradient that comes through the product
//   normSums[1] += Σ gate · g · y′ · (x - mean)
//   gateSums[0] += Σ g · y                     of the gate's gradient
//   gateSums[1] += Σ y′                        of the batch norm's, for the gradient that comes through the gate
//   gateSums[2] += Σ y′ · (x - mean)
struct GateSums {
  const float* gradient = nullptr;
  const float* input = nullptr;  // x
  Activated activated;
  const float* gate = nullptr;
  int pixels = 0;
  double* normSums = nullptr;  // [2][lanes]
  double* gateSums = nullptr;  // [3][lanes]; null if there is no gate
  float* output = nullptr;     // gate · y
};

// output = the gradient of x, for the gradient g of gate · y: that of the batch norm for (gate · g + offset) · y′.
struct GateGradient {
  const float* gradient = nullptr;  // [rows][pixels][lanes], like the input
  const float* input = nullptr;
  Activated activated;
  const float* gate = nullptr;
  const float* offset = nullptr;  // the gradient that comes through the gate, for each pixel
  NormGradient norm;
  int rows = 0;
  int pixels = 0;
  float* output = nullptr;
  ptrdiff_t outputRow = 0;
};

struct TrainingTable {
  const char* name;  // of the Table that belongs to it
  void (*weightGradient)(const WeightGradient&);
  void (*depthwiseWeightGradient)(const DepthwiseWeightGradient&);
  void (*phase)(const Phase&);
  void (*normalize)(const Normalize&);
  // sums[0] += Σ x, sums[1] += Σ x²
  void (*moments)(const float* x, int pixels, double* sums);
  // sum[lanes] += Σ activation(scale · x + shift)
  void (*activatedSum)(const float* x, const Activated&, int pixels, double* sum);
  void (*addNormalized)(const AddNormalized&);
  // sums[0] += Σ g, sums[1] += Σ g · (x - mean). Pixels of the gradient lie gradientPixel floats apart.
  void (*gradientSums)(const float* gradient, ptrdiff_t gradientPixel, const float* x, const float* mean, int pixels,
                       double* sums);
  // The same for g = gradient · derivative, which goes to the output. May work in place.
  void (*derivedSums)(const float* gradient, const float* derivative, const float* x, const float* mean, int pixels,
                      double* sums, float* output);
  // output = a · (factor · g - (b · (x - mean) + c)). May work in place where the gradient's pixels have no gaps.
  void (*normGradient)(const float* gradient, ptrdiff_t gradientPixel, float factor, const float* x,
                       const NormGradient&, int pixels, float* output);
  void (*gateSums)(const GateSums&);
  void (*gateGradient)(const GateGradient&);
};

}  // namespace mbconv::kernels
