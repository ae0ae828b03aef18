// Arithmetic, comparison, reduction and products: one line an operation.
#include <ATen/Functions.h>

#include "bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Dims = std::optional<std::vector<int64_t>>;
using DType = std::optional<at::ScalarType>;
using Dim = std::optional<int64_t>;

at::OptionalIntArrayRef dimsRef(const Dims& dims) {
  return dims ? at::OptionalIntArrayRef(*dims) : at::OptionalIntArrayRef();
}

// --- element by element ----------------------------------------------------------------------------------------------

template <Tensor (*Fn)(const Tensor&)>
Tensor unary(const Tensor& input) {
  return Fn(input);
}

template <Tensor (*Fn)(const Tensor&, const Tensor&)>
Tensor binary(const Tensor& input, Operand other) {
  return Fn(input, other.value);
}

Tensor add(const Tensor& input, Operand other, at::Scalar alpha) { return at::add(input, other.value, alpha); }
Tensor sub(const Tensor& input, Operand other, at::Scalar alpha) { return at::sub(input, other.value, alpha); }
void add_(Tensor input, Operand other, at::Scalar alpha) { input.add_(other.value, alpha); }
void sub_(Tensor input, Operand other, at::Scalar alpha) { input.sub_(other.value, alpha); }
void mul_(Tensor input, Operand other) { input.mul_(other.value); }
void div_(Tensor input, Operand other) { input.div_(other.value); }
void fill_(Tensor input, at::Scalar value) { input.fill_(value); }
void zero_(Tensor input) { input.zero_(); }
void copy_(Tensor input, const Tensor& source, std::optional<bool> nonBlocking) {
  input.copy_(source, nonBlocking.value_or(false));
}
void lerp_(Tensor input, const Tensor& end, double weight) { input.lerp_(end, weight); }
void sigmoid_(Tensor input) { input.sigmoid_(); }

Tensor round(const Tensor& input) { return at::round(input); }

Tensor clamp(const Tensor& input, std::optional<at::Scalar> min, std::optional<at::Scalar> max) {
  return at::clamp(input, min, max);
}
void clamp_(Tensor input, std::optional<at::Scalar> min, std::optional<at::Scalar> max) { input.clamp_(min, max); }

Tensor where(const Tensor& condition, Operand input, Operand other) {
  return at::where(condition, input.value, other.value);
}

// --- reductions ------------------------------------------------------------------------------------------------------

Tensor sum(const Tensor& input, Dims dim, bool keepdim, DType dtype) {
  return at::sum(input, dimsRef(dim), keepdim, dtype);
}
Tensor mean(const Tensor& input, Dims dim, bool keepdim, DType dtype) {
  return at::mean(input, dimsRef(dim), keepdim, dtype);
}
Tensor var(const Tensor& input, Dims dim, double correction, bool keepdim) {
  return at::var(input, dimsRef(dim), correction, keepdim);
}
Tensor std(const Tensor& input, Dims dim, double correction, bool keepdim) {
  return at::std(input, dimsRef(dim), correction, keepdim);
}
Tensor amax(const Tensor& input, std::vector<int64_t> dim, bool keepdim) { return at::amax(input, dim, keepdim); }
Tensor amin(const Tensor& input, std::vector<int64_t> dim, bool keepdim) { return at::amin(input, dim, keepdim); }
Tensor prod(const Tensor& input, Dim dim, bool keepdim) {
  return dim ? at::prod(input, *dim, keepdim) : at::prod(input);
}
Tensor argmax(const Tensor& input, Dim dim, bool keepdim) { return at::argmax(input, dim, keepdim); }
Tensor argmin(const Tensor& input, Dim dim, bool keepdim) { return at::argmin(input, dim, keepdim); }
Tensor all(const Tensor& input, Dim dim, bool keepdim) { return dim ? at::all(input, *dim, keepdim) : at::all(input); }
Tensor any(const Tensor& input, Dim dim, bool keepdim) { return dim ? at::any(input, *dim, keepdim) : at::any(input); }
Tensor norm(const Tensor& input, double p, std::vector<int64_t> dim, bool keepdim) {
  return at::norm(input, p, dim, keepdim);
}
Tensor logsumexp(const Tensor& input, std::vector<int64_t> dim, bool keepdim) {
  return at::logsumexp(input, dim, keepdim);
}
Tensor cumsum(const Tensor& input, int64_t dim) { return at::cumsum(input, dim); }
Tensor softmax(const Tensor& input, int64_t dim) { return at::softmax(input, dim); }
Tensor logSoftmax(const Tensor& input, int64_t dim) { return at::log_softmax(input, dim); }

std::tuple<Tensor, Tensor> topk(const Tensor& input, int64_t k, int64_t dim, bool largest) {
  return at::topk(input, k, dim, largest, /*sorted=*/true);
}
std::tuple<Tensor, Tensor> sort(const Tensor& input, int64_t dim, bool descending) {
  return at::sort(input, dim, descending);
}

bool equal(const Tensor& input, const Tensor& other) { return at::equal(input, other); }
bool allclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equalNan) {
  return at::allclose(input, other, rtol, atol, equalNan);
}

Tensor bincount(const Tensor& input, int64_t minLength) { return at::bincount(input, {}, minLength); }
Tensor oneHot(const Tensor& input, int64_t classes) { return at::one_hot(input, classes); }

}  // namespace

void initMath(const Exports& exports) {
  bind<&unary<&at::neg>>(exports, "neg", {"input"});
  bind<&unary<&at::abs>>(exports, "abs", {"input"});
  bind<&unary<&at::exp>>(exports, "exp", {"input"});
  bind<&unary<&at::expm1>>(exports, "expm1", {"input"});
  bind<&unary<&at::log>>(exports, "log", {"input"});
  bind<&unary<&at::log1p>>(exports, "log1p", {"input"});
  bind<&unary<&at::log2>>(exports, "log2", {"input"});
  bind<&unary<&at::sqrt>>(exports, "sqrt", {"input"});
  bind<&unary<&at::rsqrt>>(exports, "rsqrt", {"input"});
  bind<&unary<&at::square>>(exports, "square", {"input"});
  bind<&unary<&at::reciprocal>>(exports, "reciprocal", {"input"});
  bind<&unary<&at::sigmoid>>(exports, "sigmoid", {"input"});
  bind<&unary<&at::tanh>>(exports, "tanh", {"input"});
  bind<&unary<&at::sin>>(exports, "sin", {"input"});
  bind<&unary<&at::cos>>(exports, "cos", {"input"});
  bind<&unary<&at::erf>>(exports, "erf", {"input"});
  bind<&unary<&at::floor>>(exports, "floor", {"input"});
  bind<&unary<&at::ceil>>(exports, "ceil", {"input"});
  bind<&unary<&at::trunc>>(exports, "trunc", {"input"});
  bind<&unary<&at::sign>>(exports, "sign", {"input"});
  bind<&unary<&at::isnan>>(exports, "isnan", {"input"});
  bind<&unary<&at::isfinite>>(exports, "isfinite", {"input"});
  bind<&unary<&at::logical_not>>(exports, "logicalNot", {"input"});
  bind<&round>(exports, "round", {"input"});

  bind<&add>(exports, "add", {"input", "other", "alpha"});
  bind<&sub>(exports, "sub", {"input", "other", "alpha"});
  bind<&binary<&at::mul>>(exports, "mul", {"input", "other"});
  bind<&binary<&at::div>>(exports, "div", {"input", "other"});
  bind<&binary<&at::floor_divide>>(exports, "floorDivide", {"input", "other"});
  bind<&binary<&at::remainder>>(exports, "remainder", {"input", "other"});
  bind<&binary<&at::pow>>(exports, "pow", {"input", "exponent"});
  bind<&binary<&at::maximum>>(exports, "maximum", {"input", "other"});
  bind<&binary<&at::minimum>>(exports, "minimum", {"input", "other"});
  bind<&binary<&at::eq>>(exports, "eq", {"input", "other"});
  bind<&binary<&at::ne>>(exports, "ne", {"input", "other"});
  bind<&binary<&at::lt>>(exports, "lt", {"input", "other"});
  bind<&binary<&at::le>>(exports, "le", {"input", "other"});
  bind<&binary<&at::gt>>(exports, "gt", {"input", "other"});
  bind<&binary<&at::ge>>(exports, "ge", {"input", "other"});
  bind<&binary<&at::logical_and>>(exports, "logicalAnd", {"input", "other"});
  bind<&binary<&at::logical_or>>(exports, "logicalOr", {"input", "other"});
  bind<&binary<&at::logical_xor>>(exports, "logicalXor", {"input", "other"});

  bind<&add_>(exports, "add_", {"input", "other", "alpha"});
  bind<&sub_>(exports, "sub_", {"input", "other", "alpha"});
  bind<&mul_>(exports, "mul_", {"input", "other"});
  bind<&div_>(exports, "div_", {"input", "other"});
  bind<&fill_>(exports, "fill_", {"input", "value"});
  bind<&zero_>(exports, "zero_", {"input"});
  bind<&copy_>(exports, "copy_", {"input", "source", "nonBlocking"});
  bind<&lerp_>(exports, "lerp_", {"input", "end", "weight"});
  bind<&sigmoid_>(exports, "sigmoid_", {"input"});
  bind<&clamp>(exports, "clamp", {"input", "min", "max"});
  bind<&clamp_>(exports, "clamp_", {"input", "min", "max"});
  bind<&where>(exports, "where", {"condition", "input", "other"});

  bind<&sum>(exports, "sum", {"input", "dim", "keepdim", "dtype"});
  bind<&mean>(exports, "mean", {"input", "dim", "keepdim", "dtype"});
  bind<&var>(exports, "var", {"input", "dim", "correction", "keepdim"});
  bind<&std>(exports, "std", {"input", "dim", "correction", "keepdim"});
  bind<&prod>(exports, "prod", {"input", "dim", "keepdim"});
  bind<&amax>(exports, "amax", {"input", "dim", "keepdim"});
  bind<&amin>(exports, "amin", {"input", "dim", "keepdim"});
  bind<&argmax>(exports, "argmax", {"input", "dim", "keepdim"});
  bind<&argmin>(exports, "argmin", {"input", "dim", "keepdim"});
  bind<&all>(exports, "all", {"input", "dim", "keepdim"});
  bind<&any>(exports, "any", {"input", "dim", "keepdim"});
  bind<&norm>(exports, "norm", {"input", "p", "dim", "keepdim"});
  bind<&logsumexp>(exports, "logsumexp", {"input", "dim", "keepdim"});
  bind<&cumsum>(exports, "cumsum", {"input", "dim"});
  bind<&softmax>(exports, "softmax", {"input", "dim"});
  bind<&logSoftmax>(exports, "logSoftmax", {"input", "dim"});
  bind<&topk>(exports, "topk", {"input", "k", "dim", "largest"});
  bind<&sort>(exports, "sort", {"input", "dim", "descending"});
  bind<&equal>(exports, "equal", {"input", "other"});
  bind<&allclose>(exports, "allclose", {"input", "other", "rtol", "atol", "equalNan"});
  bind<&bincount>(exports, "bincount", {"input", "minLength"});
  bind<&oneHot>(exports, "oneHot", {"input", "classes"});
}

}  // namespace mbconv
