#include "binding/shortage.h"

#include <mutex>
#include <utility>

namespace mbconv {

namespace {

// Not per thread: a gradient's memory is asked for on a thread of autograd, and the error is thrown again on the one
// that called backward().
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
