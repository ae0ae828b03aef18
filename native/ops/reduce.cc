// Reductions, running reductions, sorting and counting.
#include <ATen/Functions.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Pair = std::tuple<Tensor, Tensor>;
using Dims = std::optional<std::vector<int64_t>>;
using DType = std::optional<at::ScalarType>;
using Dim = std::optional<int64_t>;
using Optional = std::optional<Tensor>;

at::OptionalIntArrayRef dimsRef(const Dims& dims) {
  return dims ? at::OptionalIntArrayRef(*dims) : at::OptionalIntArrayRef();
}

Tensor sum(const Tensor& input, Dims dim, bool keepdim, DType dtype) {
  return at::sum(input, dimsRef(dim), keepdim, dtype);
}
Tensor nansum(const Tensor& input, Dims dim, bool keepdim, DType dtype) {
  return at::nansum(input, dimsRef(dim), keepdim, dtype);
}
Tensor mean(const Tensor& input, Dims dim, bool keepdim, DType dtype) {
  return at::mean(input, dimsRef(dim), keepdim, dtype);
}
Tensor nanmean(const Tensor& input, Dims dim, bool keepdim, DType dtype) {
  return at::nanmean(input, dimsRef(dim), keepdim, dtype);
}
// The correction is passed as a Scalar: a double would convert to the bool of the overload with `unbiased`.
Tensor var(const Tensor& input, Dims dim, double correction, bool keepdim) {
  return at::var(input, dimsRef(dim), at::Scalar(correction), keepdim);
}
Tensor std(const Tensor& input, Dims dim, double correction, bool keepdim) {
  return at::std(input, dimsRef(dim), at::Scalar(correction), keepdim);
}
Pair varMean(const Tensor& input, Dims dim, double correction, bool keepdim) {
  return at::var_mean(input, dimsRef(dim), at::Scalar(correction), keepdim);
}
Pair stdMean(const Tensor& input, Dims dim, double correction, bool keepdim) {
  return at::std_mean(input, dimsRef(dim), at::Scalar(correction), keepdim);
}
Tensor amax(const Tensor& input, std::vector<int64_t> dim, bool keepdim) { return at::amax(input, dim, keepdim); }
Tensor amin(const Tensor& input, std::vector<int64_t> dim, bool keepdim) { return at::amin(input, dim, keepdim); }
Pair aminmax(const Tensor& input, Dim dim, bool keepdim) { return at::aminmax(input, dim, keepdim); }
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
Tensor countNonzero(const Tensor& input, Dims dim) {
  return dim ? at::count_nonzero(input, *dim) : at::count_nonzero(input);
}
Tensor trace(const Tensor& input) { return at::trace(input); }

// Of the whole tensor: one element. Along a dimension: the elements and their indices.
template <Tensor (*Fn)(const Tensor&)>
Tensor whole(const Tensor& input) {
  return Fn(input);
}
template <Pair (*Fn)(const Tensor&, int64_t, bool)>
Pair along(const Tensor& input, int64_t dim, bool keepdim) {
  return Fn(input, dim, keepdim);
}
// libtorch's kernel assumes that an expanded tensor has as many elements in memory as in its shape, and reads out of
// bounds.
template <Pair (*Fn)(const Tensor&, int64_t, bool)>
Pair medianAlong(const Tensor& input, int64_t dim, bool keepdim) {
  return Fn(input.contiguous(), dim, keepdim);
}
Pair kthvalue(const Tensor& input, int64_t k, int64_t dim, bool keepdim) {
  return at::kthvalue(input, k, dim, keepdim);
}

// q is a number, or a 0-d or 1-d tensor of numbers.
template <auto Fn>
Tensor quantile(const Tensor& input, Operand q, Dim dim, bool keepdim, std::string interpolation) {
  Tensor levels = q.value;
  // Convert to a real tensor: libtorch requires q and input to share a dtype.
  if (levels.unsafeGetTensorImpl()->is_wrapped_number()) levels = at::scalar_tensor(levels.item(), input.options());
  return Fn(input, levels, dim, keepdim, interpolation);
}
using Quantile = Tensor (*)(const Tensor&, const Tensor&, Dim, bool, c10::string_view);

Tensor cumsum(const Tensor& input, int64_t dim) { return at::cumsum(input, dim); }
Tensor cumprod(const Tensor& input, int64_t dim) { return at::cumprod(input, dim); }
Pair cummax(const Tensor& input, int64_t dim) { return at::cummax(input, dim); }
Pair cummin(const Tensor& input, int64_t dim) { return at::cummin(input, dim); }
Tensor logcumsumexp(const Tensor& input, int64_t dim) { return at::logcumsumexp(input, dim); }
Tensor diff(const Tensor& input, int64_t n, int64_t dim, Optional prepend, Optional append) {
  return at::diff(input, n, dim, prepend, append);
}
Tensor cov(const Tensor& input, int64_t correction, Optional fweights, Optional aweights) {
  return at::cov(input, correction, fweights, aweights);
}
Tensor corrcoef(const Tensor& input) { return at::corrcoef(input); }
Tensor dist(const Tensor& input, const Tensor& other, double p) { return at::dist(input, other, p); }
// x is the spacing, or the positions of the samples.
Tensor trapezoid(const Tensor& input, Operand x, int64_t dim) {
  if (x.value.unsafeGetTensorImpl()->is_wrapped_number()) return at::trapezoid(input, x.value.item(), dim);
  return at::trapezoid(input, x.value, dim);
}
Tensor softmax(const Tensor& input, int64_t dim) { return at::softmax(input, dim); }
Tensor logSoftmax(const Tensor& input, int64_t dim) { return at::log_softmax(input, dim); }

Pair topk(const Tensor& input, int64_t k, int64_t dim, bool largest) {
  return at::topk(input, k, dim, largest, /*sorted=*/true);
}
Pair sort(const Tensor& input, int64_t dim, bool descending, bool stable) {
  return at::sort(input, stable, dim, descending);
}

// The values, the position of each element among them, how often each occurs. The latter two are undefined unless
// requested.
using Unique = std::tuple<Tensor, Tensor, Tensor>;
Unique only(Unique found, bool inverse, bool counts) {
  return {std::get<0>(found), inverse ? std::get<1>(found) : Tensor(), counts ? std::get<2>(found) : Tensor()};
}
Unique unique(const Tensor& input, bool inverse, bool counts, Dim dim) {
  return only(dim ? at::unique_dim(input, *dim, /*sorted=*/true, inverse, counts)
                  : at::_unique2(input, /*sorted=*/true, inverse, counts),
              inverse, counts);
}
Unique uniqueConsecutive(const Tensor& input, bool inverse, bool counts, Dim dim) {
  return only(at::unique_consecutive(input, inverse, counts, dim), inverse, counts);
}
Tensor searchsorted(const Tensor& sorted, Operand values, bool right) {
  return at::searchsorted(sorted, values.value.to(sorted.scalar_type()), /*out_int32=*/false, right);
}
Tensor bucketize(const Tensor& input, const Tensor& boundaries, bool right) {
  return at::bucketize(input, boundaries, /*out_int32=*/false, right);
}
Tensor histc(const Tensor& input, int64_t bins, at::Scalar min, at::Scalar max) {
  return at::histc(input, bins, min, max);
}
Tensor bincount(const Tensor& input, Optional weights, int64_t minLength) {
  return at::bincount(input, weights, minLength);
}
Tensor oneHot(const Tensor& input, int64_t classes) { return at::one_hot(input, classes); }

}  // namespace

void initReduce(const Exports& exports) {
  bind<&sum>(exports, "sum", {"input", "dim", "keepdim", "dtype"});
  bind<&nansum>(exports, "nansum", {"input", "dim", "keepdim", "dtype"});
  bind<&mean>(exports, "mean", {"input", "dim", "keepdim", "dtype"});
  bind<&nanmean>(exports, "nanmean", {"input", "dim", "keepdim", "dtype"});
  bind<&var>(exports, "var", {"input", "dim", "correction", "keepdim"});
  bind<&std>(exports, "std", {"input", "dim", "correction", "keepdim"});
  bind<&varMean>(exports, "varMean", {"input", "dim", "correction", "keepdim"});
  bind<&stdMean>(exports, "stdMean", {"input", "dim", "correction", "keepdim"});
  bind<&prod>(exports, "prod", {"input", "dim", "keepdim"});
  bind<&amax>(exports, "amax", {"input", "dim", "keepdim"});
  bind<&amin>(exports, "amin", {"input", "dim", "keepdim"});
  bind<&aminmax>(exports, "aminmax", {"input", "dim", "keepdim"});
  bind<&argmax>(exports, "argmax", {"input", "dim", "keepdim"});
  bind<&argmin>(exports, "argmin", {"input", "dim", "keepdim"});
  bind<&all>(exports, "all", {"input", "dim", "keepdim"});
  bind<&any>(exports, "any", {"input", "dim", "keepdim"});
  bind<&norm>(exports, "norm", {"input", "p", "dim", "keepdim"});
  bind<&logsumexp>(exports, "logsumexp", {"input", "dim", "keepdim"});
  bind<&countNonzero>(exports, "countNonzero", {"input", "dim"});
  bind<&trace>(exports, "trace", {"input"});

  bind<&whole<&at::max>>(exports, "max", {"input"});
  bind<&whole<&at::min>>(exports, "min", {"input"});
  bind<&whole<&at::median>>(exports, "median", {"input"});
  bind<&whole<&at::nanmedian>>(exports, "nanmedian", {"input"});
  bind<&along<&at::max>>(exports, "maxAlong", {"input", "dim", "keepdim"});
  bind<&along<&at::min>>(exports, "minAlong", {"input", "dim", "keepdim"});
  bind<&medianAlong<&at::median>>(exports, "medianAlong", {"input", "dim", "keepdim"});
  bind<&medianAlong<&at::nanmedian>>(exports, "nanmedianAlong", {"input", "dim", "keepdim"});
  bind<&along<&at::mode>>(exports, "mode", {"input", "dim", "keepdim"});
  bind<&kthvalue>(exports, "kthvalue", {"input", "k", "dim", "keepdim"});
  bind<&quantile<static_cast<Quantile>(&at::quantile)>>(exports, "quantile",
                                                        {"input", "q", "dim", "keepdim", "interpolation"});
  bind<&quantile<static_cast<Quantile>(&at::nanquantile)>>(exports, "nanquantile",
                                                           {"input", "q", "dim", "keepdim", "interpolation"});

  bind<&cumsum>(exports, "cumsum", {"input", "dim"});
  bind<&cumprod>(exports, "cumprod", {"input", "dim"});
  bind<&cummax>(exports, "cummax", {"input", "dim"});
  bind<&cummin>(exports, "cummin", {"input", "dim"});
  bind<&logcumsumexp>(exports, "logcumsumexp", {"input", "dim"});
  bind<&diff>(exports, "diff", {"input", "n", "dim", "prepend", "append"});
  bind<&cov>(exports, "cov", {"input", "correction", "fweights", "aweights"});
  bind<&corrcoef>(exports, "corrcoef", {"input"});
  bind<&dist>(exports, "dist", {"input", "other", "p"});
  bind<&trapezoid>(exports, "trapezoid", {"input", "x", "dim"});
  bind<&softmax>(exports, "softmax", {"input", "dim"});
  bind<&logSoftmax>(exports, "logSoftmax", {"input", "dim"});
  bind<&topk>(exports, "topk", {"input", "k", "dim", "largest"});
  bind<&sort>(exports, "sort", {"input", "dim", "descending", "stable"});
  bind<&unique>(exports, "unique", {"input", "inverse", "counts", "dim"});
  bind<&uniqueConsecutive>(exports, "uniqueConsecutive", {"input", "inverse", "counts", "dim"});
  bind<&searchsorted>(exports, "searchsorted", {"sorted", "values", "right"});
  bind<&bucketize>(exports, "bucketize", {"input", "boundaries", "right"});
  bind<&histc>(exports, "histc", {"input", "bins", "min", "max"});
  bind<&bincount>(exports, "bincount", {"input", "weights", "minLength"});
  bind<&oneHot>(exports, "oneHot", {"input", "classes"});
}

}  // namespace mbconv
