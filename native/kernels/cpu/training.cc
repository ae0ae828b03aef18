#include "kernels/cpu/training.h"

#include <string_view>

#include "kernels/cpu/dispatch.h"

namespace mbconv::kernels {

#if defined(__x86_64__) || defined(_M_X64)
extern const TrainingTable kAvx512Training;
extern const TrainingTable kAvx2Training;
#elif defined(__aarch64__)
extern const TrainingTable kNeonTraining;
#endif
extern const TrainingTable kBaselineTraining;

const TrainingTable& trainingTable() {
  const std::string_view name = table().name;
#if defined(__x86_64__)
  for (const TrainingTable* candidate : {&kAvx512Training, &kAvx2Training})
    if (name == candidate->name) return *candidate;
#elif defined(__aarch64__)
  if (name == kNeonTraining.name) return kNeonTraining;
#endif
  return kBaselineTraining;
}

}  // namespace mbconv::kernels
