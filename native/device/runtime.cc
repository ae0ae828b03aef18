// The process's runtime: libtorch's version, threads, the allocator.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "binding/bind.h"
#include "device/allocator.h"

#ifndef _WIN32
// What at::set_num_threads() itself calls. libtorch_cpu exports MKL's functions where it contains MKL, and libgomp or
// libomp is loaded with it. Where one of them is missing, its address is null. The names of MKL in other spellings are
// Fortran's, which take a pointer.
extern "C" {
__attribute__((weak)) void omp_set_num_threads(int);
__attribute__((weak)) int MKL_Set_Num_Threads_Local(int);
__attribute__((weak)) void MKL_Set_Dynamic(int);
}
#endif

namespace mbconv {

namespace {

// The version that the addon was compiled against. Its ABI fits no other.
std::string compiledVersion() { return TORCH_VERSION; }

// The version of the loaded library, from its own description.
std::string loadedVersion() {
  const std::string config = at::show_config();
  const std::string key = "TORCH_VERSION=";
  const size_t start = config.find(key);
  if (start == std::string::npos) return "";
  const size_t end = config.find_first_of(", \n", start);
  return config.substr(start + key.size(), end - start - key.size());
}

std::string cpuCapability() { return at::get_cpu_capability(); }

int checkedThreads(int64_t threads) {
  if (threads < 1 || threads > 1024) throw Error("ERR_VALUE", "threads must lie between 1 and 1024");
  return static_cast<int>(threads);
}

// For the calling thread, and for threads that compute later for the first time.
void setNumThreads(int64_t threads) { at::set_num_threads(checkedThreads(threads)); }

// For the calling thread alone.
void setOwnNumThreads(int64_t threads) {
  const int count = checkedThreads(threads);
  // A thread takes the process's number at its first parallel operation, of libtorch or of this addon, which each
  // remember whether that was. It is to be done before.
  at::get_num_threads();
  at::internal::lazy_init_num_threads();
#ifndef _WIN32
  if (omp_set_num_threads != nullptr) {
    omp_set_num_threads(count);
    if (MKL_Set_Num_Threads_Local != nullptr) MKL_Set_Num_Threads_Local(count);
    // So that MKL takes this number and not a smaller one: as in at::set_num_threads(), for the whole process.
    if (MKL_Set_Dynamic != nullptr) MKL_Set_Dynamic(0);
    return;
  }
#endif
  // Where there is no OpenMP, or it is reached in another way, the number is the process's.
  at::set_num_threads(count);
}

int64_t getNumThreads() { return at::get_num_threads(); }

// Applies to the whole process, like all of libtorch's settings of this kind.
void setDeterministic(bool on) { at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/false); }
bool isDeterministic() { return at::globalContext().deterministicAlgorithms(); }

std::vector<int64_t> allocatorBytes() {
  const AllocatorStatistics statistics = allocatorStatistics();
  return {static_cast<int64_t>(statistics.live), static_cast<int64_t>(statistics.cached),
          static_cast<int64_t>(statistics.peak), static_cast<int64_t>(statistics.requests)};
}

// Whether anything counts the CPU's memory. glibc's allocator does not.
bool countsCpuMemory() { return allocatorInstalled(); }

void trimMemory() { trimAllocator(); }

}  // namespace

void initRuntime(const Exports& exports) {
  bind<&compiledVersion>(exports, "compiledVersion", {});
  bind<&loadedVersion>(exports, "loadedVersion", {});
  bind<&cpuCapability>(exports, "cpuCapability", {});
  bind<&setNumThreads>(exports, "setNumThreads", {"threads"});
  bind<&setOwnNumThreads>(exports, "setOwnNumThreads", {"threads"});
  bind<&getNumThreads>(exports, "getNumThreads", {});
  bind<&setDeterministic>(exports, "setDeterministic", {"on"});
  bind<&isDeterministic>(exports, "isDeterministic", {});
  bind<&allocatorBytes>(exports, "allocatorBytes", {});
  bind<&countsCpuMemory>(exports, "countsCpuMemory", {});
  bind<&trimMemory>(exports, "trimMemory", {});
}

}  // namespace mbconv
