// The kernels for NEON.
#define MBCONV_LANES 4
#include "kernels/cpu/micro/make-table.h"

namespace mbconv::kernels {

extern const Table kNeonTable;
constexpr Table kNeonTable = makeTable("neon");

}  // namespace mbconv::kernels
