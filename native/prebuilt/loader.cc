// A small addon of its own: opens libtorch, wherever it lies, before the prebuilt addon is loaded.
//
// An addon that was compiled here has the folder of its libtorch in it. The prebuilt one cannot have it. The dynamic
// linker takes a library that is already open by its name, so this file opens the libraries by their full paths first.
#include <dlfcn.h>
#include <napi.h>

namespace {

// open(path): opens the library for the rest of the process. Returns '' or the dynamic linker's reason.
Napi::Value openLibrary(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  // Local: the prebuilt addon names the libraries that it needs, so their symbols need not be visible to all others.
  const void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char* reason = library == nullptr ? dlerror() : "";
  return Napi::String::New(info.Env(), reason == nullptr ? "unknown reason" : reason);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New<openLibrary>(env, "open"));
  return exports;
}

}  // namespace

NODE_API_MODULE(loader, init)
