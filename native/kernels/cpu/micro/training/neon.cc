// The kernels of training for NEON.
#define MBCONV_LANES 4
#include "kernels/cpu/micro/training/make-table.h"

namespace mbconv::kernels {

extern const TrainingTable kNeonTraining;
constexpr TrainingTable kNeonTraining = makeTrainingTable("neon");

}  // namespace mbconv::kernels
