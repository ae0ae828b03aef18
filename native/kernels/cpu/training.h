// The kernels of training that belong to the table in use.
#pragma once

#include "kernels/cpu/micro/training/table.h"

namespace mbconv::kernels {

const TrainingTable& trainingTable();

}  // namespace mbconv::kernels
