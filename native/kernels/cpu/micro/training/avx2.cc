// The kernels of training for AVX2.
#define MBCONV_LANES 8
#include "kernels/cpu/micro/training/make-table.h"

namespace mbconv::kernels {

extern const TrainingTable kAvx2Training;
constexpr TrainingTable kAvx2Training = makeTrainingTable("avx2");

}  // namespace mbconv::kernels
