// callOp: any operator of libtorch's dispatcher by its name, arguments converted by its schema.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <set>
#include <sstream>

#include "binding/bind.h"

namespace mbconv {

namespace {

using c10::IValue;
using c10::TypeKind;

// An argument that does not fit the schema. The search goes on with the next overload.
struct Mismatch {
  std::string message;
};

IValue convert(const Site& site, const c10::TypePtr& type, Napi::Value value);

template <class T>
c10::List<T> listOf(const Site& site, Napi::Value value) {
  c10::List<T> list;
  for (const auto& element : Arg<std::vector<T>>::from(site, value)) list.push_back(element);
  return list;
}

IValue convertList(const Site& site, const c10::TypePtr& type, Napi::Value value) {
  const auto element = type->castRaw<c10::ListType>()->getElementType();
  switch (element->kind()) {
    case TypeKind::IntType:
    case TypeKind::SymIntType:
      // A single number in place of a list stands for every element; libtorch expands it.
      return value.IsArray() ? IValue(listOf<int64_t>(site, value))
                             : IValue(c10::List<int64_t>({Arg<int64_t>::from(site, value)}));
    case TypeKind::FloatType:
      return listOf<double>(site, value);
    case TypeKind::BoolType:
      return listOf<bool>(site, value);
    case TypeKind::TensorType:
      return listOf<at::Tensor>(site, value);
    case TypeKind::OptionalType: {
      c10::List<std::optional<at::Tensor>> list;
      for (const auto& tensor : Arg<std::vector<std::optional<at::Tensor>>>::from(site, value)) list.push_back(tensor);
      return list;
    }
    default:
      throw Error("ERR_NOT_IMPLEMENTED", "arguments of type " + type->str() + " cannot be given from JavaScript");
  }
}

IValue convertNumber(const Site& site, Napi::Value value) {
  const at::Scalar scalar = Arg<at::Scalar>::from(site, value);
  return IValue(scalar);
}

IValue convert(const Site& site, const c10::TypePtr& type, Napi::Value value) {
  switch (type->kind()) {
    case TypeKind::OptionalType:
      if (isNullish(value)) return IValue();
      return convert(site, type->castRaw<c10::OptionalType>()->getElementType(), value);
    case TypeKind::TensorType:
      return Arg<at::Tensor>::from(site, value);
    case TypeKind::IntType:
    case TypeKind::SymIntType:
      // The schema has dtypes and memory formats as integers; callers pass their names.
      if (value.IsString()) {
        const std::string name = Arg<std::string>::from(site, value);
        if (name == "contiguous" || name == "channelsLast" || name == "preserve")
          return static_cast<int64_t>(parseMemoryFormat(name));
        return static_cast<int64_t>(parseDType(name));
      }
      return Arg<int64_t>::from(site, value);
    case TypeKind::FloatType:
      return Arg<double>::from(site, value);
    case TypeKind::NumberType:
      return convertNumber(site, value);
    case TypeKind::BoolType:
      return Arg<bool>::from(site, value);
    case TypeKind::StringType:
      return Arg<std::string>::from(site, value);
    case TypeKind::DeviceObjType:
      return Arg<at::Device>::from(site, value);
    case TypeKind::ScalarTypeType:
      return static_cast<int64_t>(Arg<at::ScalarType>::from(site, value));
    case TypeKind::MemoryFormatType:
      return static_cast<int64_t>(Arg<at::MemoryFormat>::from(site, value));
    case TypeKind::ListType:
      return convertList(site, type, value);
    default:
      throw Error("ERR_NOT_IMPLEMENTED", "arguments of type " + type->str() + " cannot be given from JavaScript");
  }
}

Napi::Value toJsValue(Env& env, const IValue& value);

Napi::Value toJsArray(Env& env, at::ArrayRef<IValue> elements) {
  auto array = Napi::Array::New(env.js(), elements.size());
  for (size_t i = 0; i < elements.size(); ++i) array.Set(static_cast<uint32_t>(i), toJsValue(env, elements[i]));
  return array;
}

Napi::Value toJsValue(Env& env, const IValue& value) {
  if (value.isTensor()) return env.wrap(value.toTensor());
  if (value.isNone()) return env.js().Null();
  if (value.isBool()) return toJs(env, value.toBool());
  if (value.isInt()) return toJs(env, value.toInt());
  if (value.isDouble()) return toJs(env, value.toDouble());
  if (value.isScalar()) return toJs(env, value.toScalar());
  if (value.isString()) return toJs(env, value.toStringRef());
  if (value.isList()) return toJsArray(env, value.toListRef());
  if (value.isTuple()) return toJsArray(env, value.toTupleRef().elements().vec());
  throw Error("ERR_NOT_IMPLEMENTED", "a result of type " + value.tagKind() + " has no JavaScript form");
}

// Checks a dtype given by libtorch's number: only dtypes that kernels can compute with pass. Quantized dtypes need a
// quantizer; without one their tensors are read wrongly.
void checkDType(const c10::Argument& argument, const IValue& value) {
  auto type = argument.real_type();
  if (type->kind() == TypeKind::OptionalType) type = type->castRaw<c10::OptionalType>()->getElementType();
  if (type->kind() != TypeKind::ScalarTypeType || !value.isInt()) return;
  const int64_t number = value.toInt();
  const auto dtype = static_cast<at::ScalarType>(number);
  if (number < 0 || number > static_cast<int64_t>(at::ScalarType::UInt64) || c10::isQIntType(dtype) ||
      c10::isBitsType(dtype))
    throw Mismatch{argument.name() + " must be a dtype, got the number " + std::to_string(number)};
}

// Puts the arguments on the stack in the schema's order: positional ones first, then named ones, then defaults.
torch::jit::Stack buildStack(Env& env, const c10::FunctionSchema& schema, const std::vector<Napi::Value>& positional,
                             const std::optional<Napi::Object>& named) {
  const auto& arguments = schema.arguments();
  if (positional.size() > arguments.size())
    throw Mismatch{"takes at most " + std::to_string(arguments.size()) + " arguments, got " +
                   std::to_string(positional.size())};
  Op names{&env, "callOp", {}};
  for (const auto& argument : arguments) names.arguments.push_back(argument.name().c_str());
  torch::jit::Stack stack;
  for (size_t i = 0; i < arguments.size(); ++i) {
    Napi::Value value = i < positional.size() ? positional[i] : env.js().Undefined();
    if (i >= positional.size() && named) value = named->Get(names.arguments[i]);
    const auto& fallback = arguments[i].default_value();
    const bool left = value.IsUndefined();
    if (left && fallback) {
      stack.push_back(*fallback);
      continue;
    }
    if (left && arguments[i].type()->kind() != TypeKind::OptionalType)
      throw Mismatch{"argument '" + arguments[i].name() + "' is missing"};
    if (left) {
      stack.emplace_back();
      continue;
    }
    try {
      stack.push_back(convert(Site{names, i}, arguments[i].type(), value));
      checkDType(arguments[i], stack.back());
    } catch (const Error& error) {
      if (std::string_view(error.code()) == "ERR_DISPOSED") throw;
      throw Mismatch{error.what()};
    }
  }
  return stack;
}

// Every registered overload of a name such as "aten::add".
std::vector<c10::OperatorHandle> overloadsOf(const std::string& name) {
  auto& dispatcher = c10::Dispatcher::singleton();
  std::vector<c10::OperatorHandle> handles;
  for (const auto& candidate : dispatcher.getAllOpNames()) {
    if (candidate.name != name) continue;
    if (auto handle = dispatcher.findSchema(candidate)) handles.push_back(*handle);
  }
  return handles;
}

// `name` is "namespace::operator" or "namespace::operator.overload". Without an overload, the plain one is tried first,
// then the others in the dispatcher's order. Calls the first one whose schema takes the arguments.
Napi::Value callOp(Env& env, std::string name, std::vector<Napi::Value> positional, std::optional<Napi::Value> named) {
  std::optional<Napi::Object> namedObject;
  if (named) {
    if (named->Type() != napi_object) throw Error("ERR_TYPE", "named arguments must be an object");
    namedObject = named->As<Napi::Object>();
  }
  const size_t colons = name.find("::");
  const std::string bare = colons == std::string::npos ? "aten::" + name : name;
  const size_t dot = bare.find('.', bare.find("::"));
  const std::string base = bare.substr(0, dot);
  const std::string overload = dot == std::string::npos ? "" : bare.substr(dot + 1);

  std::vector<c10::OperatorHandle> candidates;
  if (auto exact = c10::Dispatcher::singleton().findSchema({base, overload})) candidates.push_back(*exact);
  std::string why;
  // Two rounds: listing all overloads walks the whole registry, so it is done only if the exact name did not fit.
  for (int round = 0; round < 2; ++round) {
    if (round == 1) {
      if (dot != std::string::npos) break;
      candidates = overloadsOf(base);
    }
    for (const auto& candidate : candidates) {
      torch::jit::Stack stack;
      try {
        stack = buildStack(env, candidate.schema(), positional, namedObject);
      } catch (const Mismatch& mismatch) {
        std::ostringstream schema;
        schema << candidate.schema();
        why += "\n  " + schema.str() + ": " + mismatch.message;
        continue;
      }
      candidate.callBoxed(stack);
      if (stack.empty()) return env.js().Undefined();
      return stack.size() == 1 ? toJsValue(env, stack[0]) : toJsArray(env, stack);
    }
  }
  if (why.empty()) throw Error("ERR_VALUE", "there is no operator '" + name + "'");
  throw Error("ERR_TYPE", name + " does not take these arguments:" + why);
}

// The schemas of all overloads of an operator, for documentation and error messages.
std::vector<std::string> opSchemas(std::string name) {
  std::vector<std::string> schemas;
  for (const auto& handle : overloadsOf(name.find("::") == std::string::npos ? "aten::" + name : name)) {
    std::ostringstream text;
    text << handle.schema();
    schemas.push_back(text.str());
  }
  return schemas;
}

// The names of all operators, without overloads, sorted.
std::vector<std::string> opNames() {
  std::set<std::string> names;
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) names.insert(name.name);
  return {names.begin(), names.end()};
}

}  // namespace

void initDispatch(const Exports& exports) {
  bind<&callOp>(exports, "callOp", {"name", "args", "kwargs"});
  bind<&opNames>(exports, "opNames", {});
  bind<&opSchemas>(exports, "opSchemas", {"name"});
}

}  // namespace mbconv
