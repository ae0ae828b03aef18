#include "kernels/cpu/dispatch.h"

#include <cstdlib>

#include "binding/error.h"

namespace mbconv::kernels {

#if defined(__x86_64__) || defined(_M_X64)
extern const Table kAvx512Table;
extern const Table kAvx2Table;
#elif defined(__aarch64__)
extern const Table kNeonTable;
#endif
extern const Table kBaselineTable;

namespace {

// Those that this processor has, the fastest first.
std::vector<const Table*> available() {
  std::vector<const Table*> tables;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    tables.push_back(&kAvx512Table);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&kAvx2Table);
#elif defined(__aarch64__)
  tables.push_back(&kNeonTable);
#endif
  tables.push_back(&kBaselineTable);
  return tables;
}

const Table& chosen() {
  const std::vector<const Table*> tables = available();
  const char* wanted = std::getenv("MBCONV_CPU_KERNELS");
  if (wanted == nullptr || *wanted == '\0') return *tables.front();
  std::string names;
  for (const Table* table : tables) {
    if (std::string(wanted) == table->name) return *table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  throw Error("ERR_VALUE", "MBCONV_CPU_KERNELS=" + std::string(wanted) + ": this processor has the kernels " + names);
}

}  // namespace

const Table& table() {
  static const Table& table = chosen();
  return table;
}

std::vector<std::string> availableTables() {
  std::vector<std::string> names;
  for (const Table* table : available()) names.emplace_back(table->name);
  return names;
}

}  // namespace mbconv::kernels
