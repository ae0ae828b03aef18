#include "decode/turbojpeg.h"

#include <dlfcn.h>

#include "binding/error.h"

namespace mbconv {

namespace {

std::string lastError() {
  const char* text = dlerror();
  return text == nullptr ? "unknown reason" : text;
}

// Looks up a function under the name of its field. False if the library lacks it.
template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

std::shared_ptr<const TurboJpeg> open(const std::string& path, std::string& reason) {
  // Local: sharp brings another libjpeg, and the two must not see each other's functions.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    reason = lastError();
    return nullptr;
  }
  auto turbo = std::make_shared<TurboJpeg>();
  turbo->path = path;
  const bool complete = find(library, "tj3Init", turbo->tj3Init) && find(library, "tj3Destroy", turbo->tj3Destroy) &&
                        find(library, "tj3GetErrorStr", turbo->tj3GetErrorStr) &&
                        find(library, "tj3GetErrorCode", turbo->tj3GetErrorCode) &&
                        find(library, "tj3Set", turbo->tj3Set) && find(library, "tj3Get", turbo->tj3Get) &&
                        find(library, "tj3DecompressHeader", turbo->tj3DecompressHeader) &&
                        find(library, "tj3SetScalingFactor", turbo->tj3SetScalingFactor) &&
                        find(library, "tj3SetCroppingRegion", turbo->tj3SetCroppingRegion) &&
                        find(library, "tj3Decompress8", turbo->tj3Decompress8);
  if (!complete) {
    reason = path + ": it is older than libjpeg-turbo 3.0";
    dlclose(library);
    return nullptr;
  }
  // A function that came with 3.1; the library does not say its version.
  turbo->minor = dlsym(library, "tj3TransformBufSize") == nullptr ? 0 : 1;
  return turbo;
}

}  // namespace

std::shared_ptr<const TurboJpeg> loadTurboJpeg(const std::vector<std::string>& paths) {
  std::string reasons;
  for (const std::string& path : paths) {
    std::string reason;
    if (auto turbo = open(path, reason)) return turbo;
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
  throw Error("ERR_ENVIRONMENT", "libjpeg-turbo cannot be loaded: " + (reasons.empty() ? "no path given" : reasons));
}

}  // namespace mbconv
