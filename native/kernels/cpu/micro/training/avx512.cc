// The kernels of training for AVX-512.
#define MBCONV_LANES 16
#include "kernels/cpu/micro/training/make-table.h"

namespace mbconv::kernels {

extern const TrainingTable kAvx512Training;
constexpr TrainingTable kAvx512Training = makeTrainingTable("avx512");

}  // namespace mbconv::kernels
