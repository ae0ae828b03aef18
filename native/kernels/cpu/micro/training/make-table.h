// Makes a table of the kernels of training. A file of one instruction set defines MBCONV_LANES, includes this, and
// names its table.
#pragma once

#include "kernels/cpu/micro/training/depthwise-gradient.h"
#include "kernels/cpu/micro/training/norm.h"
#include "kernels/cpu/micro/training/weight-gradient.h"

namespace mbconv::kernels {
namespace {

constexpr TrainingTable makeTrainingTable(const char* name) {
  TrainingTable table{};
  table.name = name;
  table.weightGradient = weightGradient;
  table.depthwiseWeightGradient = depthwiseWeightGradient;
  table.phase = phase;
  table.normalize = normalize;
  table.moments = moments;
  table.activatedSum = activatedSum;
  table.addNormalized = addNormalized;
  table.gradientSums = gradientSums;
  table.derivedSums = derivedSums;
  table.normGradient = normGradient;
  table.gateSums = gateSums;
  table.gateGradient = gateGradient;
  return table;
}

}  // namespace
}  // namespace mbconv::kernels
