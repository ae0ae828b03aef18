// The kernels for AVX-512.
#define MBCONV_LANES 16
#include "kernels/cpu/micro/make-table.h"

namespace mbconv::kernels {

extern const Table kAvx512Table;
constexpr Table kAvx512Table = makeTable("avx512");

}  // namespace mbconv::kernels
