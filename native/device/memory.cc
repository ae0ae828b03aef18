// Frees memory early: the memory of JavaScript's typed arrays, and memory that malloc keeps.
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "binding/bind.h"

namespace mbconv {

namespace {

// Detaches an array's memory. The array and all other views of that memory have length 0 from now on. V8 frees its own
// memory at once, and the memory of another addon in the next turn of the event loop.
void releaseBytes(Env& env, Napi::Value array) {
  if (!array.IsTypedArray()) throw Error("ERR_TYPE", "bytes must be a typed array, got " + describe(env, array));
  Napi::ArrayBuffer buffer = array.As<Napi::TypedArray>().ArrayBuffer();
  // A SharedArrayBuffer is no ArrayBuffer, and WebAssembly's memory cannot be detached. Both are left to the garbage
  // collector.
  if (!buffer.IsArrayBuffer()) return;
  try {
    buffer.Detach();
  } catch (const Napi::Error&) {
    // WebAssembly's memory.
  }
}

// Returns freed memory to the system. Images are decoded on four threads, and glibc keeps up to 64 MB that each thread
// has freed. malloc_trim does not shrink the end of a thread's heap. Hence the two thresholds: large blocks are kept
// out of the heap, and its end stays small.
void returnFreeMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  malloc_trim(0);
#endif
}

}  // namespace

void initMemory(const Exports& exports) {
  bind<&releaseBytes>(exports, "releaseBytes", {"bytes"});
  bind<&returnFreeMemory>(exports, "returnFreeMemory", {});
}

}  // namespace mbconv
