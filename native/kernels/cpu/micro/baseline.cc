// The kernels for the vectors that every processor has.
#define MBCONV_LANES 4
#include "kernels/cpu/micro/make-table.h"

namespace mbconv::kernels {

extern const Table kBaselineTable;
constexpr Table kBaselineTable = makeTable("baseline");

}  // namespace mbconv::kernels
