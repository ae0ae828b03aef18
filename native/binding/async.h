// Work off the JavaScript thread, as the promise that an exported function returns.
#pragma once

#include <napi.h>

#include <functional>

namespace mbconv {

struct Op;

// What an exported function returns to have a promise made of it.
struct Task {
  // Runs on a thread of Node's pool: no JavaScript and no Env there. Grad mode, current device and stream are that
  // thread's own. What it throws rejects the promise.
  std::function<void()> work;
  // Makes what the promise resolves to, on the JavaScript thread again; undefined where there is none.
  std::function<Napi::Value(Napi::Env)> result = nullptr;
};

Napi::Value start(Op& op, Task task);

}  // namespace mbconv
