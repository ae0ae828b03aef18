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
// An array longer than this as one argument is a mistake, not a list of sizes or tensors.
constexpr uint32_t kMaxListLength = 1u << 20;

constexpr std::array<std::pair<at::ScalarType, const char*>, 10> kDTypes = {{
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
}};

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  return type;
}

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

std::string describe(const Env& env, napi_value value) {
  switch (typeOf(env.js(), value)) {
    case napi_undefined:
      return "nothing";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number: {
      double number;
      check(napi_get_value_double(env.js(), value, &number));
      std::ostringstream text;
      text << "the number " << number;
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
  if (TensorHandle* handle = env.unwrap(value)) {
    return handle->tensor.defined() ? "Tensor " + describe(handle->tensor) : "a disposed Tensor";
  }
  bool array = false;
  check(napi_is_array(env.js(), value, &array));
  if (array) return "an array";
  check(napi_is_typedarray(env.js(), value, &array));
  return array ? "a typed array" : "an object";
}

void expected(const Site& site, const std::string& what, napi_value got) {
  throw Error("ERR_TYPE", argumentName(site) + " must be " + what + ", got " + describe(*site.op.env, got));
}

at::ScalarType parseDType(const std::string& name) {
  for (const auto& [dtype, text] : kDTypes) {
    if (name == text) return dtype;
  }
  throw Error("ERR_VALUE", "unknown dtype '" + name +
                               "'; known: float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool");
}

std::string dtypeName(at::ScalarType dtype) {
  for (const auto& [known, text] : kDTypes) {
    if (known == dtype) return text;
  }
  return c10::toString(dtype);  // reachable through callOp only, complex numbers for one
}

at::MemoryFormat parseMemoryFormat(const std::string& name) {
  if (name == "contiguous") return at::MemoryFormat::Contiguous;
  if (name == "channelsLast") return at::MemoryFormat::ChannelsLast;
  if (name == "preserve") return at::MemoryFormat::Preserve;
  throw Error("ERR_VALUE", "unknown memory format '" + name + "'; known: contiguous, channelsLast, preserve");
}

bool isNullish(napi_env env, napi_value value) {
  const napi_valuetype type = typeOf(env, value);
  return type == napi_undefined || type == napi_null;
}

at::Tensor Arg<at::Tensor>::from(const Site& site, napi_value value) {
  TensorHandle* handle = site.op.env->unwrap(value);
  if (handle == nullptr) expected(site, "a Tensor", value);
  if (!handle->tensor.defined()) {
    throw Error("ERR_DISPOSED", argumentName(site) + " has been disposed");
  }
  return handle->tensor;
}

Operand Arg<Operand>::from(const Site& site, napi_value value) {
  switch (typeOf(site.js(), value)) {
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

at::Scalar Arg<at::Scalar>::from(const Site& site, napi_value value) {
  switch (typeOf(site.js(), value)) {
    case napi_number: {
      double number;
      check(napi_get_value_double(site.js(), value, &number));
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

int64_t Arg<int64_t>::from(const Site& site, napi_value value) {
  const napi_valuetype type = typeOf(site.js(), value);
  if (type == napi_bigint) {
    int64_t integer;
    bool lossless;
    check(napi_get_value_bigint_int64(site.js(), value, &integer, &lossless));
    if (!lossless) throw Error("ERR_VALUE", argumentName(site) + " does not fit in 64 bits");
    return integer;
  }
  if (type != napi_number) expected(site, "an integer", value);
  double number;
  check(napi_get_value_double(site.js(), value, &number));
  if (std::trunc(number) != number || std::abs(number) > kMaxSafeInteger) expected(site, "an integer", value);
  return static_cast<int64_t>(number);
}

double Arg<double>::from(const Site& site, napi_value value) {
  if (typeOf(site.js(), value) != napi_number) expected(site, "a number", value);
  double number;
  check(napi_get_value_double(site.js(), value, &number));
  return number;
}

bool Arg<bool>::from(const Site& site, napi_value value) {
  if (typeOf(site.js(), value) != napi_boolean) expected(site, "true or false", value);
  bool truth;
  check(napi_get_value_bool(site.js(), value, &truth));
  return truth;
}

std::string Arg<std::string>::from(const Site& site, napi_value value) {
  if (typeOf(site.js(), value) != napi_string) expected(site, "a string", value);
  size_t length;
  check(napi_get_value_string_utf8(site.js(), value, nullptr, 0, &length));
  std::string text(length, '\0');
  check(napi_get_value_string_utf8(site.js(), value, text.data(), length + 1, &length));
  return text;
}

at::Device Arg<at::Device>::from(const Site& site, napi_value value) {
  const std::string name = Arg<std::string>::from(site, value);
  std::optional<at::Device> device;
  try {
    device = at::Device(name);
  } catch (const c10::Error&) {
    // Not a device string at all: the same message as for a device of another kind.
  }
  if (device && device->is_cuda()) requireCuda("device '" + name + "' was asked for, but ");
  if (!device || !(device->is_cpu() || device->is_cuda()))
    throw Error("ERR_VALUE", "unknown device '" + name + "'; known: cpu, cuda, cuda:0, cuda:1 …");
  return *device;
}

uint32_t arrayLength(const Site& site, napi_value value, const char* what) {
  bool array = false;
  check(napi_is_array(site.js(), value, &array));
  if (!array) expected(site, what, value);
  uint32_t length;
  check(napi_get_array_length(site.js(), value, &length));
  if (length > kMaxListLength) throw Error("ERR_VALUE", argumentName(site) + " is too long a list");
  return length;
}

napi_value toJs(Env& env, double value) {
  napi_value result;
  check(napi_create_double(env.js(), value, &result));
  return result;
}

napi_value toJs(Env& env, bool value) {
  napi_value result;
  check(napi_get_boolean(env.js(), value, &result));
  return result;
}

napi_value toJs(Env& env, int64_t value) {
  napi_value result;
  if (std::abs(static_cast<double>(value)) <= kMaxSafeInteger) {
    check(napi_create_int64(env.js(), value, &result));
  } else {
    check(napi_create_bigint_int64(env.js(), value, &result));
  }
  return result;
}

napi_value toJs(Env& env, const std::string& value) {
  napi_value result;
  check(napi_create_string_utf8(env.js(), value.data(), value.size(), &result));
  return result;
}

napi_value toJs(Env& env, const at::Scalar& value) {
  if (value.isBoolean()) return toJs(env, value.toBool());
  if (value.isIntegral(false)) return toJs(env, value.toLong());
  return toJs(env, value.toDouble());
}

}  // namespace mbconv
