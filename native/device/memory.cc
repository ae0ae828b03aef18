// Memory that is given back before anybody asks for it: JavaScript's, and malloc's.
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "binding/bind.h"

namespace mbconv {

namespace {

// Takes an array's memory away; it has length 0 from now on, as all views of the same memory have. V8 frees what is its
// own at once, and what belongs to another addon when the event loop comes round.
void releaseBytes(Env& env, Napi::Value array) {
  if (!array.IsTypedArray()) throw Error("ERR_TYPE", "bytes must be a typed array, got " + describe(env, array));
  Napi::ArrayBuffer buffer = array.As<Napi::TypedArray>().ArrayBuffer();
  // What threads share is no ArrayBuffer, WebAssembly's memory cannot be taken away: they are left to the collector.
  if (!buffer.IsArrayBuffer()) return;
  try {
    buffer.Detach();
  } catch (const Napi::Error&) {
    // WebAssembly's.
  }
}

// Gives the system what has been freed. Decoders of images run on any of four threads, and glibc keeps up to 64 MB of
// what each has freed: that would be held beside a picture that is decoded on another. malloc_trim leaves the end of a
// thread's heap alone, so what is large is kept out of it, and little of that end.
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
