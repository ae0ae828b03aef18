// What the files on CUDA share. All of it is there in a CPU build too, where CUDA is never available. (Not named
// cuda.h: that is a header of NVIDIA's, which libtorch's headers would then get this one for.)
#pragma once

#ifdef MBCONV_CUDA
// First: libtorch's headers ask for CUDA_VERSION without including what defines it, for the members of a class even.
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

// Throws ERR_CUDA_UNAVAILABLE where there is none, its message beginning with `reason`. The first call that does not
// throw initialises CUDA.
void requireCuda(const std::string& reason = "");

// As bind(), for what needs a GPU: without one the function is not entered, whatever its arguments are.
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
