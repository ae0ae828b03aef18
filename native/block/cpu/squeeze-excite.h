// Squeeze-and-excitation of a batch, between the passes over its maps: matrices of a row for each image.
#pragma once

#include "block/cpu/pass.h"

namespace mbconv::block::cpu {

// saved.means → saved.squeezed, saved.gate
void squeezeExcite(Pass& pass, Saved& saved);

// The first term of `gateSums`, of each image, is the gradient of the gate. Puts the gradient of each pixel,
// [images][channels filled up], into `offsets`, and those of the weights into `gradients`.
void squeezeExciteBackward(Pass& pass, const Saved& saved, const Sums& gateSums, float* offsets, Gradients& gradients);

}  // namespace mbconv::block::cpu
