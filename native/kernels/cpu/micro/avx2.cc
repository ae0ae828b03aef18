// The kernels for AVX2 and FMA.
#define MBCONV_LANES 8
#include "kernels/cpu/micro/make-table.h"

namespace mbconv::kernels {

extern const Table kAvx2Table;
constexpr Table kAvx2Table = makeTable("avx2");

}  // namespace mbconv::kernels
