#include "binding/report/shortage.h"

#include <mutex>
#include <utility>

namespace mbconv {

namespace {

// Not per thread: autograd allocates a gradient's memory on a thread of its own, and the error is rethrown on the
// thread that called backward().
std::mutex mutex;
std::optional<Shortage> last;

}  // namespace

void noteShortage(const Shortage& shortage) {
  std::lock_guard lock(mutex);
  last = shortage;
}

std::optional<Shortage> takeShortage(c10::DeviceType type) {
  std::lock_guard lock(mutex);
  if (!last || last->device.type() != type) return std::nullopt;
  return std::exchange(last, std::nullopt);
}

}  // namespace mbconv
