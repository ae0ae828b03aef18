// Chooses the kernels that this processor runs fastest.
#pragma once

#include <string>
#include <vector>

#include "kernels/cpu/micro/table.h"

namespace mbconv::kernels {

// The table in use. MBCONV_CPU_KERNELS=avx512|avx2|neon|baseline in the environment forces one; it is read once.
//
// Throws ERR_VALUE for a name that is unknown, or that this processor or this build does not have.
const Table& table();

// Of every table that this processor runs, the best one first.
std::vector<std::string> availableTables();

}  // namespace mbconv::kernels
