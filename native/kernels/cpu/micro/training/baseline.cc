// The kernels of training for the vectors that every processor has.
#define MBCONV_LANES 4
#include "kernels/cpu/micro/training/make-table.h"

namespace mbconv::kernels {

extern const TrainingTable kBaselineTraining;
constexpr TrainingTable kBaselineTraining = makeTrainingTable("baseline");

}  // namespace mbconv::kernels
