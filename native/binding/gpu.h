// Shared by the files on CUDA. A CPU build has all of it too, and CUDA is never available there. (Not named cuda.h:
// libtorch's headers would include it in place of NVIDIA's header of that name.)
#pragma once

#ifdef MBCONV_CUDA
// Included first: libtorch's headers test CUDA_VERSION without including its definition, even to choose the members of
// a class.
#include <cuda.h>
#ifndef CUDA_VERSION
#error "another cuda.h stands before NVIDIA's"
#endif
#endif

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include "binding/bind.h"
#include "binding/handle.h"

namespace mbconv {

template <>
struct HandleKind<c10::Stream> {
  static constexpr napi_type_tag tag = {0x6d62636f6e765374, 0x7265616d00000001};
  static constexpr const char* name = "a CUDA stream";
};
template <>
struct HandleKind<c10::Event> {
  static constexpr napi_type_tag tag = {0x6d62636f6e764576, 0x656e740000000001};
  static constexpr const char* name = "a CUDA event";
};

// Whether there is a GPU that libtorch can use.
bool cudaIsAvailable();

// Throws ERR_CUDA_UNAVAILABLE, with a message that begins with `reason`, if there is no GPU. The first call that does
// not throw initialises CUDA.
void requireCuda(const std::string& reason = "");

// Like bind(), for functions that need a GPU. Without one the function is not entered, whatever its arguments are.
template <auto Fn>
Napi::Value cudaCallback(const Napi::CallbackInfo& info) {
  try {
    requireCuda();
  } catch (...) {
    throwCurrentError(*static_cast<Op*>(info.Data()), info);
    return {};
  }
  return Binding<Fn>::callback(info);
}

template <auto Fn>
void bindCuda(const Exports& exports, const char* name, std::initializer_list<const char*> arguments) {
  exports.add<&cudaCallback<Fn>>(name, arguments);
}

}  // namespace mbconv
