// A tensor's properties, its conversion to another dtype, device or layout, and the way of its data from and to
// JavaScript.
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

std::vector<int64_t> shape(const Tensor& tensor) { return tensor.sizes().vec(); }
std::vector<int64_t> strides(const Tensor& tensor) { return tensor.strides().vec(); }
int64_t ndim(const Tensor& tensor) { return tensor.dim(); }
int64_t numel(const Tensor& tensor) { return tensor.numel(); }
std::string dtype(const Tensor& tensor) { return dtypeName(tensor.scalar_type()); }
std::string device(const Tensor& tensor) { return tensor.device().str(); }
bool isContiguous(const Tensor& tensor, at::MemoryFormat format) {
  // Asking for channels-last of anything but four dimensions is an error inside libtorch; the answer is simply no.
  if (format == at::MemoryFormat::ChannelsLast && tensor.dim() != 4) return false;
  return tensor.is_contiguous(format == at::MemoryFormat::Preserve ? at::MemoryFormat::Contiguous : format);
}

// The layout that convolutions take it for. With one channel or one pixel both hold and the strides decide.
std::string memoryFormat(const Tensor& tensor) {
  return tensor.suggest_memory_format() == at::MemoryFormat::ChannelsLast ? "channelsLast" : "contiguous";
}

Tensor to(const Tensor& tensor, std::optional<at::ScalarType> dtype, std::optional<at::Device> device,
          std::optional<at::MemoryFormat> format, bool copy, std::optional<bool> nonBlocking) {
  auto options = at::TensorOptions().dtype(dtype).device(device);
  const bool sameLayout = !format || *format == at::MemoryFormat::Preserve || tensor.suggest_memory_format() == *format;
  const bool sameKind = (!dtype || *dtype == tensor.scalar_type()) && (!device || *device == tensor.device());
  if (sameKind && sameLayout && !copy) return tensor;
  return tensor.to(options, nonBlocking.value_or(false), copy, format);
}

Tensor contiguous(const Tensor& tensor, at::MemoryFormat format) {
  return isContiguous(tensor, format) ? tensor : tensor.contiguous(format);
}

Tensor clone(const Tensor& tensor, std::optional<at::MemoryFormat> format) { return tensor.clone(format); }
Tensor detach(const Tensor& tensor) { return tensor.detach(); }

// Waits for the device.
at::Scalar item(const Tensor& tensor) {
  if (tensor.numel() != 1)
    throw Error("ERR_SHAPE", "only a tensor of one element has an item, got " + describe(tensor));
  return tensor.item();
}

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

// Copies a typed array into a new tensor. A Uint16Array holds the bits of float16 or bfloat16, whichever is asked for.
Tensor fromTypedArray(Env& env, JsValue array, std::vector<int64_t> shape, std::optional<at::ScalarType> dtype,
                      at::Device device) {
  bool isTypedArray = false;
  check(napi_is_typedarray(env.js(), array.value, &isTypedArray));
  if (!isTypedArray) throw Error("ERR_TYPE", "data must be a typed array, got " + describe(env, array.value));
  napi_typedarray_type type;
  size_t length;
  void* data = nullptr;
  check(napi_get_typedarray_info(env.js(), array.value, &type, &length, &data, nullptr, nullptr));
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
    if (length > 0) std::memcpy(tensor.data_ptr(), data, length * kind.bytes);
    return tensor;
  }
  if (length == 0) return at::empty(shape, at::TensorOptions(target).device(device));
  return at::from_blob(data, shape, kind.dtype).to(at::TensorOptions(target).device(device), false, /*copy=*/true);
}

struct ArrayKind {
  napi_typedarray_type type;
  size_t bytes;
  const char* name;  // of the JavaScript class
};

ArrayKind arrayKind(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return {napi_float32_array, 4, "Float32Array"};
    case at::kDouble:
      return {napi_float64_array, 8, "Float64Array"};
    case at::kHalf:
    case at::kBFloat16:
      return {napi_uint16_array, 2, "Uint16Array"};
    case at::kLong:
      return {napi_bigint64_array, 8, "BigInt64Array"};
    case at::kInt:
      return {napi_int32_array, 4, "Int32Array"};
    case at::kShort:
      return {napi_int16_array, 2, "Int16Array"};
    case at::kChar:
      return {napi_int8_array, 1, "Int8Array"};
    case at::kByte:
    case at::kBool:
      return {napi_uint8_array, 1, "Uint8Array"};
    default:
      throw Error("ERR_TYPE", "tensors of dtype " + dtypeName(dtype) + " have no typed array");
  }
}

// Contiguous elements in host memory, no gradient. Waits for the device.
Tensor onHost(const Tensor& tensor) { return tensor.detach().cpu().contiguous().resolve_conj().resolve_neg(); }

// Bytes from which a buffer may be more than V8 can have.
constexpr int64_t kLarge = 1 << 20;

// An ArrayBuffer for the tensor's elements, its memory not yet touched, and where that is.
std::pair<napi_value, void*> bufferFor(napi_env js, const Tensor& tensor) {
  void* data = nullptr;
  napi_value buffer;
  const ArrayKind kind = arrayKind(tensor.scalar_type());
  const int64_t count = tensor.numel();
  if (count < kLarge / static_cast<int64_t>(kind.bytes)) {
    check(napi_create_arraybuffer(js, count * kind.bytes, &data, &buffer));
    return {buffer, data};
  }
  // Node-API ends the process where there is no memory, or more elements than an array may have. JavaScript's own
  // constructor throws.
  napi_value global, constructor, length, array;
  check(napi_get_global(js, &global));
  check(napi_get_named_property(js, global, kind.name, &constructor));
  check(napi_create_double(js, static_cast<double>(count), &length));
  if (napi_new_instance(js, constructor, 1, &length, &array) != napi_ok) {
    napi_value exception;
    check(napi_get_and_clear_last_exception(js, &exception));
    throw Error("ERR_OOM", std::string("there can be no ") + kind.name + " of " + std::to_string(count) + " elements");
  }
  check(napi_get_typedarray_info(js, array, nullptr, nullptr, &data, &buffer, nullptr));
  return {buffer, data};
}

void copyInto(void* data, const Tensor& tensor) {
  const Tensor host = onHost(tensor);
  if (host.numel() > 0) std::memcpy(data, host.const_data_ptr(), host.nbytes());
}

napi_value typedArray(napi_env js, napi_value buffer, const Tensor& tensor) {
  napi_value array;
  check(napi_create_typedarray(js, arrayKind(tensor.scalar_type()).type, tensor.numel(), buffer, 0, &array));
  return array;
}

JsValue toTypedArray(Env& env, const Tensor& tensor) {
  const auto [buffer, data] = bufferFor(env.js(), tensor);
  copyInto(data, tensor);
  return {typedArray(env.js(), buffer, tensor)};
}

// The same off the JavaScript thread: waiting, putting the elements in order, and the copy into the result, which is
// what takes long where there are many.
Task toTypedArrayAsync(Env& env, const Tensor& tensor) {
  const auto [buffer, data] = bufferFor(env.js(), tensor);
  napi_ref reference;
  check(napi_create_reference(env.js(), buffer, 1, &reference));
  // Released with the task, on the JavaScript thread, however that ends.
  const std::shared_ptr<napi_ref__> held(reference, [js = env.js()](napi_ref it) { napi_delete_reference(js, it); });
  // The other thread's current stream would not wait for what is still under way on this one's.
  std::optional<c10::Stream> stream;
  if (tensor.is_cuda()) stream = c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device());
  return {[tensor, stream, data = data] {
            c10::OptionalStreamGuard guard(stream);
            copyInto(data, tensor);
          },
          [tensor, held](napi_env js) {
            napi_value filled;
            check(napi_get_reference_value(js, held.get(), &filled));
            return typedArray(js, filled, tensor);
          }};
}

}  // namespace

void initTensor(const Exports& exports) {
  bind<&shape>(exports, "shape", {"tensor"});
  bind<&strides>(exports, "strides", {"tensor"});
  bind<&ndim>(exports, "ndim", {"tensor"});
  bind<&numel>(exports, "numel", {"tensor"});
  bind<&dtype>(exports, "dtype", {"tensor"});
  bind<&device>(exports, "device", {"tensor"});
  bind<&isContiguous>(exports, "isContiguous", {"tensor", "memoryFormat"});
  bind<&memoryFormat>(exports, "memoryFormat", {"tensor"});
  bind<&to>(exports, "to", {"tensor", "dtype", "device", "memoryFormat", "copy", "nonBlocking"});
  bind<&contiguous>(exports, "contiguous", {"tensor", "memoryFormat"});
  bind<&clone>(exports, "clone", {"tensor", "memoryFormat"});
  bind<&detach>(exports, "detach", {"tensor"});
  bind<&item>(exports, "item", {"tensor"});
  bind<&fromTypedArray>(exports, "fromTypedArray", {"data", "shape", "dtype", "device"});
  bind<&toTypedArray>(exports, "toTypedArray", {"tensor"});
  bind<&toTypedArrayAsync>(exports, "toTypedArrayAsync", {"tensor"});
}

}  // namespace mbconv
