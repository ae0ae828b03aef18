#include "binding/error.h"

#include <c10/util/Exception.h>

#include <new>

#include "binding/convert.h"
#include "binding/env.h"
#include "binding/shortage.h"

namespace mbconv {

namespace {

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// libtorch reports most misuse as a plain c10::Error; its wording tells what kind it is.
const char* codeOfMessage(const std::string& text) {
  if (contains(text, "can't allocate memory") || contains(text, "not enough memory") ||
      contains(text, "invalid or too large") || contains(text, "Storage size calculation overflowed"))
    return "ERR_OOM";
  if (contains(text, "CUDA out of memory")) return "ERR_CUDA_OOM";
  if (contains(text, "CUDA error") || contains(text, "cuDNN error")) return "ERR_CUDA";
  if (contains(text, "not implemented for") || contains(text, "Could not run") ||
      contains(text, "does not have a deterministic implementation"))
    return "ERR_NOT_IMPLEMENTED";
  if (contains(text, "does not require grad") || contains(text, "backward through the graph") ||
      contains(text, "modified by an inplace operation") || contains(text, "leaf Variable") ||
      contains(text, "leaf variable") || contains(text, "differentiated Tensors") ||
      contains(text, "grad can be implicitly created"))
    return "ERR_AUTOGRAD";
  if (contains(text, "index") && (contains(text, "out of bounds") || contains(text, "out of range")))
    return "ERR_INDEX";
  if (contains(text, "shape") || contains(text, "must match the size") || contains(text, "size mismatch") ||
      contains(text, "Sizes of tensors") || contains(text, "expanded size") || contains(text, "dimension") ||
      contains(text, "weight of size") || contains(text, "equal size") || contains(text, "-D"))
    return "ERR_SHAPE";
  if (contains(text, "dtype") || contains(text, "scalar type")) return "ERR_TYPE";
  return "ERR_NATIVE";
}

Failure fromC10(const char* code, const c10::Error& error) {
  std::string message = error.what_without_backtrace();
  // The first paragraph says what was wrong; dispatch tables and the like follow it.
  if (const size_t end = message.find("\nException raised from"); end != std::string::npos) message.resize(end);
  if (message.size() > 1000) message = message.substr(0, 1000) + " …";
  if (code == nullptr) code = codeOfMessage(message);
  return {code, message, error.what()};
}

// Tensors named in an out-of-memory error.
constexpr size_t kHolders = 3;

// Sets options.memory = {device, asked, free, holders: [{tensor, bytes}]}, the `memory` of the JavaScript error.
void setMemory(Env& env, napi_value options, const Shortage& shortage) {
  const auto set = [&](napi_value object, const char* key, napi_value value) {
    check(napi_set_named_property(env.js(), object, key, value));
  };
  const auto bytes = [&](size_t count) { return toJs(env, static_cast<double>(count)); };
  napi_value memory, holders;
  check(napi_create_object(env.js(), &memory));
  set(memory, "device", toJs(env, shortage.device.str()));
  set(memory, "asked", bytes(shortage.asked));
  if (shortage.free) set(memory, "free", bytes(*shortage.free));
  check(napi_create_array(env.js(), &holders));
  uint32_t index = 0;
  for (const at::Tensor& tensor : env.largestOn(shortage.device, kHolders)) {
    napi_value holder;
    check(napi_create_object(env.js(), &holder));
    set(holder, "tensor", toJs(env, describe(tensor)));
    set(holder, "bytes", bytes(tensor.storage().nbytes()));
    check(napi_set_element(env.js(), holders, index++, holder));
  }
  set(memory, "holders", holders);
  set(options, "memory", memory);
}

void setText(napi_env env, napi_value object, const char* key, const std::string& text) {
  napi_value value;
  if (napi_create_string_utf8(env, text.data(), text.size(), &value) == napi_ok)
    napi_set_named_property(env, object, key, value);
}

}  // namespace

Failure describeCurrentException() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what(), ""};
  } catch (const c10::OutOfMemoryError& error) {
    return fromC10(contains(error.what(), "CUDA") ? "ERR_CUDA_OOM" : "ERR_OOM", error);
  } catch (const c10::IndexError& error) {
    return fromC10("ERR_INDEX", error);
  } catch (const c10::TypeError& error) {
    return fromC10("ERR_TYPE", error);
  } catch (const c10::ValueError& error) {
    return fromC10("ERR_VALUE", error);
  } catch (const c10::NotImplementedError& error) {
    return fromC10("ERR_NOT_IMPLEMENTED", error);
  } catch (const c10::Error& error) {
    return fromC10(nullptr, error);
  } catch (const std::bad_alloc&) {
    return {"ERR_OOM", "out of memory", ""};
  } catch (const std::exception& error) {
    return {codeOfMessage(error.what()), error.what(), ""};
  } catch (...) {
    return {"ERR_NATIVE", "an exception of unknown type", ""};
  }
}

void throwCurrentException(Op& op, size_t argc, const napi_value* argv) {
  try {
    throw;
  } catch (const PendingException&) {
    bool pending = false;
    napi_is_exception_pending(op.env->js(), &pending);
    if (pending) return;  // JavaScript's own error: leave it as it is
    napi_throw_error(op.env->js(), "ERR_NATIVE", (std::string(op.name) + ": Node-API call failed").c_str());
    return;
  } catch (...) {
    // Described below.
  }
  Failure failure = describeCurrentException();
  std::string message = std::string(op.name) + ": " + failure.message;
  std::string tensors;
  for (size_t i = 0; i < argc && i < op.arguments.size(); ++i) {
    TensorHandle* handle = op.env->unwrap(argv[i]);
    if (handle == nullptr || !handle->tensor.defined()) continue;
    tensors += (tensors.empty() ? "" : ", ") + std::string(op.arguments[i]) + " " + describe(handle->tensor);
  }
  if (!tensors.empty()) message += " (" + tensors + ")";

  napi_env env = op.env->js();
  napi_value errorClass = op.env->errorClass();
  if (errorClass == nullptr) {
    napi_throw_error(env, failure.code.c_str(), message.c_str());
    return;
  }
  napi_value arguments[3];
  napi_create_string_utf8(env, failure.code.data(), failure.code.size(), &arguments[0]);
  napi_create_string_utf8(env, message.data(), message.size(), &arguments[1]);
  napi_create_object(env, &arguments[2]);
  setText(env, arguments[2], "op", op.name);
  if (!failure.trace.empty()) setText(env, arguments[2], "nativeTrace", failure.trace);
  const bool host = failure.code == "ERR_OOM";
  if (host || failure.code == "ERR_CUDA_OOM") {
    const auto shortage = takeShortage(host ? c10::DeviceType::CPU : c10::DeviceType::CUDA);
    try {
      if (shortage) setMemory(*op.env, arguments[2], *shortage);
    } catch (...) {
      // No memory for that either: the error goes without.
    }
  }
  napi_value error;
  if (napi_new_instance(env, errorClass, 3, arguments, &error) == napi_ok) {
    napi_throw(env, error);
  } else {
    napi_throw_error(env, failure.code.c_str(), message.c_str());
  }
}

}  // namespace mbconv
