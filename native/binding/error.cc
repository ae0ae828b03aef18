#include "binding/error.h"

#include <c10/util/Exception.h>

#include <new>

#include "binding/convert.h"
#include "binding/env.h"
#include "binding/report/shortage.h"
#include "binding/report/warnings.h"

namespace mbconv {

namespace {

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// libtorch reports most misuse as a plain c10::Error. Only its wording tells the kind.
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
  // The first paragraph says what was wrong. Dispatch tables and the like follow it.
  if (const size_t end = message.find("\nException raised from"); end != std::string::npos) message.resize(end);
  message = inJavaScript(message);
  if (message.size() > 1000) message = message.substr(0, 1000) + " …";
  if (code == nullptr) code = codeOfMessage(message);
  return {code, message, error.what()};
}

// How many tensors an out-of-memory error names.
constexpr size_t kHolders = 3;

// {device, asked, free, holders: [{tensor, bytes}]}: the `memory` of the JavaScript error.
Napi::Object memoryOf(Env& env, const Shortage& shortage) {
  const auto bytes = [&](size_t count) { return toJs(env, static_cast<double>(count)); };
  auto memory = Napi::Object::New(env.js());
  memory.Set("device", toJs(env, shortage.device.str()));
  memory.Set("asked", bytes(shortage.asked));
  if (shortage.free) memory.Set("free", bytes(*shortage.free));
  auto holders = Napi::Array::New(env.js());
  for (const at::Tensor& tensor : env.largestOn(shortage.device, kHolders)) {
    auto holder = Napi::Object::New(env.js());
    holder.Set("tensor", toJs(env, describe(tensor)));
    holder.Set("bytes", bytes(tensor.storage().nbytes()));
    holders.Set(holders.Length(), holder);
  }
  memory.Set("holders", holders);
  return memory;
}

// "input Tensor float32[2,3], other …": the arguments that are tensors.
std::string describeTensors(const Op& op, const Napi::CallbackInfo& call) {
  std::string tensors;
  for (size_t i = 0; i < call.Length() && i < op.arguments.size(); ++i) {
    const TensorHandle* handle = op.env->unwrap(call[i]);
    if (handle == nullptr || !handle->tensor.defined()) continue;
    tensors += (tensors.empty() ? "" : ", ") + std::string(op.arguments[i]) + " " + describe(handle->tensor);
  }
  return tensors;
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

// Replaces an MbconvError where its class cannot be used.
static Napi::Error plainError(const Env& env, const std::string& message, const std::string& code) {
  auto error = Napi::Error::New(env.js(), message);
  error.Set("code", code);
  return error;
}

Napi::Error currentError(Op& op, const Napi::CallbackInfo* call) {
  Env& env = *op.env;
  try {
    throw;
  } catch (const Napi::Error& error) {
    return error;
  } catch (const ErrorSetAside&) {
    return env.takeSetAside();
  } catch (...) {
    // Described below.
  }
  const Failure failure = describeCurrentException();
  std::string message = std::string(op.name) + ": " + failure.message;
  const std::string tensors = call == nullptr ? "" : describeTensors(op, *call);
  if (!tensors.empty()) message += " (" + tensors + ")";

  const Napi::Function errorClass = env.errorClass();
  if (errorClass.IsEmpty()) return plainError(env, message, failure.code);
  try {
    auto details = Napi::Object::New(env.js());
    details.Set("op", op.name);
    if (!failure.trace.empty()) details.Set("nativeTrace", failure.trace);
    const bool host = failure.code == "ERR_OOM";
    if (host || failure.code == "ERR_CUDA_OOM") {
      const auto shortage = takeShortage(host ? c10::DeviceType::CPU : c10::DeviceType::CUDA);
      try {
        if (shortage) details.Set("memory", memoryOf(env, *shortage));
      } catch (...) {
        // There is no memory for the details either: throw the error without them.
      }
    }
    return {env.js(), errorClass.New({toJs(env, failure.code), toJs(env, message), details})};
  } catch (const Napi::Error&) {
    // The constructor is JavaScript and needs stack, of which there may be none left. Keep at least code and message.
    return plainError(env, message, failure.code);
  }
}

void throwCurrentError(Op& op, const Napi::CallbackInfo& call) {
  const Napi::Error error = currentError(op, &call);
  try {
    error.ThrowAsJavaScriptException();
  } catch (const Napi::Error&) {
    // node-addon-api reads a property of the value that it throws. A Proxy may throw at every such read.
    Napi::Error::New(op.env->js(), std::string(op.name) + ": what was thrown cannot be read")
        .ThrowAsJavaScriptException();
  }
}

}  // namespace mbconv
