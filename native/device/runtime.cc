// The process's runtime: libtorch's version, threads, the allocator.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "binding/bind.h"
#include "device/allocator.h"

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

void setNumThreads(int64_t threads) {
  if (threads < 1 || threads > 1024) throw Error("ERR_VALUE", "threads must lie between 1 and 1024");
  at::set_num_threads(static_cast<int>(threads));
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
  bind<&getNumThreads>(exports, "getNumThreads", {});
  bind<&setDeterministic>(exports, "setDeterministic", {"on"});
  bind<&isDeterministic>(exports, "isDeterministic", {});
  bind<&allocatorBytes>(exports, "allocatorBytes", {});
  bind<&countsCpuMemory>(exports, "countsCpuMemory", {});
  bind<&trimMemory>(exports, "trimMemory", {});
}

}  // namespace mbconv
