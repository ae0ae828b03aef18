// Tensors made from JavaScript's typed arrays, and copied into them.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstring>
#include <memory>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

struct ElementKind {
  at::ScalarType dtype;
  size_t bytes;
};

ElementKind elementKind(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array:
      return {at::kFloat, 4};
    case napi_float64_array:
      return {at::kDouble, 8};
    case napi_int8_array:
      return {at::kChar, 1};
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return {at::kByte, 1};
    case napi_int16_array:
      return {at::kShort, 2};
    case napi_uint16_array:
      return {at::kHalf, 2};  // bits of a 16-bit float; see fromTypedArray
    case napi_int32_array:
      return {at::kInt, 4};
    case napi_bigint64_array:
      return {at::kLong, 8};
    default:
      throw Error("ERR_TYPE",
                  "typed arrays of this kind have no matching dtype; use Float32Array, Float64Array, "
                  "Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array or BigInt64Array");
  }
}

// Copies a typed array into a new tensor. A Uint16Array holds the bits of float16 or bfloat16, as `dtype` says.
Tensor fromTypedArray(Env& env, Napi::Value array, std::vector<int64_t> shape, std::optional<at::ScalarType> dtype,
                      at::Device device) {
  if (!array.IsTypedArray()) throw Error("ERR_TYPE", "data must be a typed array, got " + describe(env, array));
  // Read every kind of array as bytes: one call gives its memory, type and length.
  auto bytes = array.As<Napi::Uint8Array>();
  const napi_typedarray_type type = bytes.TypedArrayType();
  const size_t length = bytes.ElementLength();
  ElementKind kind = elementKind(type);
  if (type == napi_uint16_array) {
    if (dtype != at::kHalf && dtype != at::kBFloat16)
      throw Error("ERR_TYPE", "a Uint16Array holds the bits of a 16-bit float: give dtype 'float16' or 'bfloat16'");
    kind.dtype = *dtype;
  }
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size < 0) throw Error("ERR_SHAPE", "a size must not be negative");
    if (__builtin_mul_overflow(elements, size, &elements)) throw Error("ERR_SHAPE", "the shape is too large");
  }
  if (static_cast<size_t>(elements) != length)
    throw Error("ERR_SHAPE", "the shape has room for " + std::to_string(elements) + " elements, data holds " +
                                 std::to_string(length));
  const at::ScalarType target = dtype.value_or(kind.dtype);
  if (target == kind.dtype && device.is_cpu()) {
    Tensor tensor = at::empty(shape, kind.dtype);
    if (length > 0) std::memcpy(tensor.data_ptr(), bytes.Data(), length * kind.bytes);
    return tensor;
  }
  if (length == 0) return at::empty(shape, at::TensorOptions(target).device(device));
  return at::from_blob(bytes.Data(), shape, kind.dtype)
      .to(at::TensorOptions(target).device(device), false, /*copy=*/true);
}

struct ArrayKind {
  size_t bytes;      // of one element
  const char* name;  // name of the JavaScript class
  Napi::Value (*view)(Napi::ArrayBuffer buffer, size_t elements);
};

template <class T>
ArrayKind arrayOf(const char* name) {
  return {sizeof(T), name, [](Napi::ArrayBuffer buffer, size_t elements) -> Napi::Value {
            const auto array = Napi::TypedArrayOf<T>::New(buffer.Env(), elements, buffer, 0);
            return {array.Env(), array};
          }};
}

ArrayKind arrayKind(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return arrayOf<float>("Float32Array");
    case at::kDouble:
      return arrayOf<double>("Float64Array");
    case at::kHalf:
    case at::kBFloat16:
      return arrayOf<uint16_t>("Uint16Array");
    case at::kLong:
      return arrayOf<int64_t>("BigInt64Array");
    case at::kInt:
      return arrayOf<int32_t>("Int32Array");
    case at::kShort:
      return arrayOf<int16_t>("Int16Array");
    case at::kChar:
      return arrayOf<int8_t>("Int8Array");
    case at::kByte:
    case at::kBool:
      return arrayOf<uint8_t>("Uint8Array");
    default:
      throw Error("ERR_TYPE",
                  "tensors of dtype " + dtypeName(dtype) + " have no typed array" +
                      (at::isComplexType(dtype) ? "; viewAsReal() gives their real and imaginary parts" : ""));
  }
}

// Contiguous elements in host memory, without a gradient. Waits for the device.
Tensor onHost(const Tensor& tensor) { return tensor.detach().cpu().contiguous().resolve_conj().resolve_neg(); }

// Buffers of this many bytes or more may exceed what V8 can allocate.
constexpr int64_t kLarge = 1 << 20;

// A new ArrayBuffer for the tensor's elements, and the address of its memory.
std::pair<Napi::ArrayBuffer, void*> bufferFor(Napi::Env js, const Tensor& tensor) {
  const ArrayKind kind = arrayKind(tensor.scalar_type());
  const int64_t count = tensor.numel();
  if (count < kLarge / static_cast<int64_t>(kind.bytes)) {
    auto buffer = Napi::ArrayBuffer::New(js, count * kind.bytes);
    return {buffer, buffer.Data()};
  }
  // Node-API aborts the process if there is no memory for the buffer, or if an array may not have that many elements.
  // JavaScript's own constructor throws instead.
  const auto constructor = js.Global().Get(kind.name).As<Napi::Function>();
  try {
    const Napi::Object array = constructor.New({Napi::Number::New(js, static_cast<double>(count))});
    auto bytes = array.As<Napi::Uint8Array>();
    return {bytes.ArrayBuffer(), bytes.Data()};
  } catch (const Napi::Error&) {
    throw Error("ERR_OOM", std::string("there can be no ") + kind.name + " of " + std::to_string(count) + " elements");
  }
}

void copyInto(void* data, const Tensor& tensor) {
  const Tensor host = onHost(tensor);
  if (host.numel() > 0) std::memcpy(data, host.const_data_ptr(), host.nbytes());
}

Napi::Value viewOf(Napi::ArrayBuffer buffer, const Tensor& tensor) {
  return arrayKind(tensor.scalar_type()).view(buffer, tensor.numel());
}

Napi::Value toTypedArray(Env& env, const Tensor& tensor) {
  const auto [buffer, data] = bufferFor(env.js(), tensor);
  copyInto(data, tensor);
  return viewOf(buffer, tensor);
}

// The same off the JavaScript thread. The slow steps for a large tensor run there: waiting for the device, making the
// elements contiguous and copying them into the result.
Task toTypedArrayAsync(Env& env, const Tensor& tensor) {
  const auto [buffer, data] = bufferFor(env.js(), tensor);
  // Released with the task on the JavaScript thread, whether the task succeeds or fails.
  const auto held = std::make_shared<Napi::Reference<Napi::ArrayBuffer>>(Napi::Persistent(buffer));
  // The copy runs on this thread's current stream. The other thread's own stream would not wait for that stream's work.
  std::optional<c10::Stream> stream;
  if (tensor.is_cuda()) stream = c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device());
  return {[tensor, stream, data = data] {
            c10::OptionalStreamGuard guard(stream);
            copyInto(data, tensor);
          },
          [tensor, held](Napi::Env) { return viewOf(held->Value(), tensor); }};
}

}  // namespace

void initTypedArray(const Exports& exports) {
  bind<&fromTypedArray>(exports, "fromTypedArray", {"data", "shape", "dtype", "device"});
  bind<&toTypedArray>(exports, "toTypedArray", {"tensor"});
  bind<&toTypedArrayAsync>(exports, "toTypedArrayAsync", {"tensor"});
}

}  // namespace mbconv
