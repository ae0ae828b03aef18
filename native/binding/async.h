// Work off the JavaScript thread. JavaScript gets a promise for it.
#pragma once

#include <napi.h>

#include <functional>

namespace mbconv {

struct Op;

// An exported function returns a Task to give JavaScript a promise.
struct Task {
  // Runs on a thread of Node's pool, without JavaScript and without an Env. Grad mode, current device and stream are
  // that thread's own. An exception rejects the promise.
  std::function<void()> work;
  // Runs on the JavaScript thread and makes the value that the promise resolves to. Without it the value is undefined.
  std::function<Napi::Value(Napi::Env)> result = nullptr;
};

Napi::Value start(Op& op, Task task);

}  // namespace mbconv
