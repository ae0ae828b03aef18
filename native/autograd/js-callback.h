// JavaScript functions that libtorch's autograd engine calls.
#pragma once

#include <napi.h>
#include <torch/custom_class.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <thread>

#include "binding/env.h"
#include "binding/error.h"

namespace mbconv {

// Runs code inside libtorch's engine that may throw a JavaScript error. The environment keeps the error meanwhile.
template <class Body>
auto settingErrorsAside(Env& env, Body body) {
  try {
    return body();
  } catch (const Napi::Error& error) {
    env.setAside(error);
  }
  throw ErrorSetAside();
}

// A JavaScript function that the graph refers to. The graph may be freed on another thread, or after the environment
// has ended. The reference must not be deleted then; it is freed with the environment.
class JsCallback : public torch::CustomClassHolder {
 public:
  JsCallback(Env& env, Napi::Function function)
      : env_(env), alive_(env.alive()), thread_(std::this_thread::get_id()), function_(Napi::Persistent(function)) {}
  ~JsCallback() override {
    if (!*alive_ || thread_ != std::this_thread::get_id()) function_.SuppressDestruct();
  }
  JsCallback(const JsCallback&) = delete;
  JsCallback& operator=(const JsCallback&) = delete;

  Env& env() const { return env_; }

  // Calls it with lists of tensors.
  Napi::Value call(std::initializer_list<napi_value> lists) const { return function_.Value().Call(lists); }

  // JavaScript runs on its own thread only.
  // The role is the function's name in the message.
  void checkThread(const char* role) const {
    if (!*alive_ || thread_ != std::this_thread::get_id())
      throw Error("ERR_NOT_IMPLEMENTED", std::string(role) + " can only run on the thread it was made on");
  }

 private:
  Env& env_;
  std::shared_ptr<bool> alive_;
  std::thread::id thread_;
  Napi::FunctionReference function_;
};

// Marks a node whose JavaScript function is running. libtorch locks the node of a JavaScript backward meanwhile: a pass
// that reached it again would wait forever, so that such passes are refused.
class Walking {
 public:
  Walking(Env& env, const void* node) : env_(env) { env.walking.push_back(node); }
  ~Walking() { env_.walking.pop_back(); }
  Walking(const Walking&) = delete;
  Walking& operator=(const Walking&) = delete;

 private:
  Env& env_;
};

}  // namespace mbconv
