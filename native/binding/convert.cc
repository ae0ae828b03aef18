#include "binding/convert.h"

#include <ATen/ScalarOps.h>
#include <ATen/ops/scalar_tensor.h>

#include <array>
#include <cmath>
#include <sstream>

#include "binding/gpu.h"

namespace mbconv {

namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;
// Longest array accepted as one argument. A longer one is a mistake, not a list of sizes or tensors.
constexpr uint32_t kMaxListLength = 1u << 20;

constexpr std::array<std::pair<at::ScalarType, const char*>, 12> kDTypes = {{
    {at::kFloat, "float32"},
    {at::kDouble, "float64"},
    {at::kHalf, "float16"},
    {at::kBFloat16, "bfloat16"},
    {at::kLong, "int64"},
    {at::kInt, "int32"},
    {at::kShort, "int16"},
    {at::kChar, "int8"},
    {at::kByte, "uint8"},
    {at::kBool, "bool"},
    {at::kComplexFloat, "complex64"},
    {at::kComplexDouble, "complex128"},
}};

std::string argumentName(const Site& site) {
  return site.index < site.op.arguments.size() ? site.op.arguments[site.index]
                                               : "argument " + std::to_string(site.index + 1);
}

}  // namespace

std::string describe(const at::Tensor& tensor) {
  std::ostringstream text;
  text << dtypeName(tensor.scalar_type()) << '[';
  for (int64_t i = 0; i < tensor.dim(); ++i) text << (i ? "," : "") << tensor.size(i);
  text << ']';
  if (!tensor.is_cpu()) text << ' ' << tensor.device();
  return text.str();
}

std::string describe(const Env& env, Napi::Value value) {
  switch (value.Type()) {
    case napi_undefined:
      return "nothing";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number: {
      std::ostringstream text;
      text << "the number " << value.As<Napi::Number>().DoubleValue();
      return text.str();
    }
    case napi_string:
      return "a string";
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a BigInt";
    default:
      break;
  }
  if (const TensorHandle* handle = env.unwrap(value))
    return handle->tensor.defined() ? "Tensor " + describe(handle->tensor) : "a disposed Tensor";
  if (value.IsArray()) return "an array";
  return value.IsTypedArray() ? "a typed array" : "an object";
}

void expected(const Site& site, const std::string& what, Napi::Value got) {
  throw Error("ERR_TYPE", argumentName(site) + " must be " + what + ", got " + describe(*site.op.env, got));
}

at::ScalarType parseDType(const std::string& name) {
  for (const auto& [dtype, text] : kDTypes) {
    if (name == text) return dtype;
  }
  throw Error("ERR_VALUE", "unknown dtype '" + name +
                               "'; known: float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool, "
                               "complex64, complex128");
}

std::string dtypeName(at::ScalarType dtype) {
  for (const auto& [known, text] : kDTypes) {
    if (known == dtype) return text;
  }
  return c10::toString(dtype);  // reachable through callOp only, e.g. quantised dtypes
}

at::MemoryFormat parseMemoryFormat(const std::string& name) {
  if (name == "contiguous") return at::MemoryFormat::Contiguous;
  if (name == "channelsLast") return at::MemoryFormat::ChannelsLast;
  if (name == "preserve") return at::MemoryFormat::Preserve;
  throw Error("ERR_VALUE", "unknown memory format '" + name + "'; known: contiguous, channelsLast, preserve");
}

at::Tensor Arg<at::Tensor>::from(const Site& site, Napi::Value value) {
  TensorHandle* handle = site.op.env->unwrap(value);
  if (handle == nullptr) expected(site, "a Tensor", value);
  if (!handle->tensor.defined()) {
    throw Error("ERR_DISPOSED", argumentName(site) + " has been disposed");
  }
  return handle->tensor;
}

Operand Arg<Operand>::from(const Site& site, Napi::Value value) {
  switch (value.Type()) {
    case napi_number:
    case napi_bigint:
    case napi_boolean:
      return {at::native::wrapped_scalar_tensor(Arg<at::Scalar>::from(site, value))};
    default:
      break;
  }
  if (site.op.env->unwrap(value) == nullptr) expected(site, "a Tensor or a number", value);
  return {Arg<at::Tensor>::from(site, value)};
}

at::Scalar Arg<at::Scalar>::from(const Site& site, Napi::Value value) {
  switch (value.Type()) {
    case napi_number: {
      const double number = value.As<Napi::Number>().DoubleValue();
      // JavaScript has one number type: whole numbers count as integers, so that int64 tensors stay int64.
      if (std::trunc(number) == number && std::abs(number) <= kMaxSafeInteger && !(number == 0 && std::signbit(number)))
        return at::Scalar(static_cast<int64_t>(number));
      return at::Scalar(number);
    }
    case napi_bigint:
      return at::Scalar(Arg<int64_t>::from(site, value));
    case napi_boolean:
      return at::Scalar(Arg<bool>::from(site, value));
    default:
      expected(site, "a number", value);
  }
}

int64_t Arg<int64_t>::from(const Site& site, Napi::Value value) {
  const napi_valuetype type = value.Type();
  if (type == napi_bigint) {
    bool lossless;
    const int64_t integer = value.As<Napi::BigInt>().Int64Value(&lossless);
    if (!lossless) throw Error("ERR_VALUE", argumentName(site) + " does not fit in 64 bits");
    return integer;
  }
  if (type != napi_number) expected(site, "an integer", value);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::trunc(number) != number || std::abs(number) > kMaxSafeInteger) expected(site, "an integer", value);
  return static_cast<int64_t>(number);
}

double Arg<double>::from(const Site& site, Napi::Value value) {
  if (!value.IsNumber()) expected(site, "a number", value);
  return value.As<Napi::Number>().DoubleValue();
}

bool Arg<bool>::from(const Site& site, Napi::Value value) {
  if (!value.IsBoolean()) expected(site, "true or false", value);
  return value.As<Napi::Boolean>().Value();
}

std::string Arg<std::string>::from(const Site& site, Napi::Value value) {
  if (!value.IsString()) expected(site, "a string", value);
  return value.As<Napi::String>().Utf8Value();
}

at::Device Arg<at::Device>::from(const Site& site, Napi::Value value) {
  const std::string name = Arg<std::string>::from(site, value);
  std::optional<at::Device> device;
  try {
    device = at::Device(name);
  } catch (const c10::Error&) {
    // Not a device string: report it as a device of an unknown kind.
  }
  if (device && device->is_cuda()) requireCuda("device '" + name + "' was asked for, but ");
  if (!device || !(device->is_cpu() || device->is_cuda()))
    throw Error("ERR_VALUE", "unknown device '" + name + "'; known: cpu, cuda, cuda:0, cuda:1 …");
  return *device;
}

std::pair<Napi::Array, uint32_t> arrayOf(const Site& site, Napi::Value value) {
  if (!value.IsArray()) expected(site, "an array", value);
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length > kMaxListLength) throw Error("ERR_VALUE", argumentName(site) + " is too long a list");
  return {array, length};
}

Napi::Value toJs(Env& env, int64_t value) {
  if (std::abs(static_cast<double>(value)) <= kMaxSafeInteger)
    return Napi::Number::New(env.js(), static_cast<double>(value));
  return Napi::BigInt::New(env.js(), value);
}

Napi::Value toJs(Env& env, const at::Scalar& value) {
  if (value.isBoolean()) return toJs(env, value.toBool());
  if (value.isIntegral(false)) return toJs(env, value.toLong());
  return toJs(env, value.toDouble());
}

}  // namespace mbconv
