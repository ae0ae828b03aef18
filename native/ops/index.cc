// Picking elements by index or mask, and writing them.
#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;

// One index for each dimension: null keeps the dimension, an int64 tensor or a mask picks from it.
c10::List<std::optional<Tensor>> indexList(const std::vector<std::optional<Tensor>>& indices) {
  c10::List<std::optional<Tensor>> list;
  for (const auto& index : indices) list.push_back(index);
  return list;
}
Tensor index(const Tensor& input, std::vector<std::optional<Tensor>> indices) {
  return at::index(input, indexList(indices));
}
void indexPut_(Tensor input, std::vector<std::optional<Tensor>> indices, Operand values, bool accumulate) {
  input.index_put_(indexList(indices), values.value.to(input.options()), accumulate);
}

Tensor indexSelect(const Tensor& input, int64_t dim, const Tensor& indices) { return input.index_select(dim, indices); }
Tensor gather(const Tensor& input, int64_t dim, const Tensor& indices) { return input.gather(dim, indices); }
Tensor take(const Tensor& input, const Tensor& indices) { return at::take(input, indices); }
Tensor takeAlongDim(const Tensor& input, const Tensor& indices, std::optional<int64_t> dim) {
  return at::take_along_dim(input, indices, dim);
}

Tensor scatter(const Tensor& input, int64_t dim, const Tensor& indices, Operand source) {
  if (source.value.dim() == 0) return input.scatter(dim, indices, source.value.item());
  return input.scatter(dim, indices, source.value);
}
void scatter_(Tensor input, int64_t dim, const Tensor& indices, Operand source) {
  if (source.value.dim() == 0)
    input.scatter_(dim, indices, source.value.item());
  else
    input.scatter_(dim, indices, source.value);
}
Tensor scatterAdd(const Tensor& input, int64_t dim, const Tensor& indices, const Tensor& source) {
  return input.scatter_add(dim, indices, source);
}
void scatterAdd_(Tensor input, int64_t dim, const Tensor& indices, const Tensor& source) {
  input.scatter_add_(dim, indices, source);
}
Tensor scatterReduce(const Tensor& input, int64_t dim, const Tensor& indices, const Tensor& source, std::string reduce,
                     bool includeSelf) {
  return input.scatter_reduce(dim, indices, source, reduce, includeSelf);
}
void scatterReduce_(Tensor input, int64_t dim, const Tensor& indices, const Tensor& source, std::string reduce,
                    bool includeSelf) {
  input.scatter_reduce_(dim, indices, source, reduce, includeSelf);
}

Tensor indexAdd(const Tensor& input, int64_t dim, const Tensor& indices, const Tensor& source, at::Scalar alpha) {
  return input.index_add(dim, indices, source, alpha);
}
void indexAdd_(Tensor input, int64_t dim, const Tensor& indices, const Tensor& source, at::Scalar alpha) {
  input.index_add_(dim, indices, source, alpha);
}
Tensor indexCopy(const Tensor& input, int64_t dim, const Tensor& indices, const Tensor& source) {
  return input.index_copy(dim, indices, source);
}
void indexCopy_(Tensor input, int64_t dim, const Tensor& indices, const Tensor& source) {
  input.index_copy_(dim, indices, source);
}
Tensor indexFill(const Tensor& input, int64_t dim, const Tensor& indices, at::Scalar value) {
  return input.index_fill(dim, indices, value);
}
void indexFill_(Tensor input, int64_t dim, const Tensor& indices, at::Scalar value) {
  input.index_fill_(dim, indices, value);
}

Tensor maskedFill(const Tensor& input, const Tensor& mask, at::Scalar value) { return input.masked_fill(mask, value); }
void maskedFill_(Tensor input, const Tensor& mask, at::Scalar value) { input.masked_fill_(mask, value); }
Tensor maskedScatter(const Tensor& input, const Tensor& mask, const Tensor& source) {
  return input.masked_scatter(mask, source);
}
void maskedScatter_(Tensor input, const Tensor& mask, const Tensor& source) { input.masked_scatter_(mask, source); }
Tensor maskedSelect(const Tensor& input, const Tensor& mask) { return input.masked_select(mask); }
Tensor nonzero(const Tensor& input) { return input.nonzero(); }

}  // namespace

void initIndex(const Exports& exports) {
  bind<&index>(exports, "index", {"input", "indices"});
  bind<&indexPut_>(exports, "indexPut_", {"input", "indices", "values", "accumulate"});
  bind<&indexSelect>(exports, "indexSelect", {"input", "dim", "indices"});
  bind<&gather>(exports, "gather", {"input", "dim", "indices"});
  bind<&take>(exports, "take", {"input", "indices"});
  bind<&takeAlongDim>(exports, "takeAlongDim", {"input", "indices", "dim"});
  bind<&scatter>(exports, "scatter", {"input", "dim", "indices", "source"});
  bind<&scatter_>(exports, "scatter_", {"input", "dim", "indices", "source"});
  bind<&scatterAdd>(exports, "scatterAdd", {"input", "dim", "indices", "source"});
  bind<&scatterAdd_>(exports, "scatterAdd_", {"input", "dim", "indices", "source"});
  bind<&scatterReduce>(exports, "scatterReduce", {"input", "dim", "indices", "source", "reduce", "includeSelf"});
  bind<&scatterReduce_>(exports, "scatterReduce_", {"input", "dim", "indices", "source", "reduce", "includeSelf"});
  bind<&indexAdd>(exports, "indexAdd", {"input", "dim", "indices", "source", "alpha"});
  bind<&indexAdd_>(exports, "indexAdd_", {"input", "dim", "indices", "source", "alpha"});
  bind<&indexCopy>(exports, "indexCopy", {"input", "dim", "indices", "source"});
  bind<&indexCopy_>(exports, "indexCopy_", {"input", "dim", "indices", "source"});
  bind<&indexFill>(exports, "indexFill", {"input", "dim", "indices", "value"});
  bind<&indexFill_>(exports, "indexFill_", {"input", "dim", "indices", "value"});
  bind<&maskedFill>(exports, "maskedFill", {"input", "mask", "value"});
  bind<&maskedFill_>(exports, "maskedFill_", {"input", "mask", "value"});
  bind<&maskedScatter>(exports, "maskedScatter", {"input", "mask", "source"});
  bind<&maskedScatter_>(exports, "maskedScatter_", {"input", "mask", "source"});
  bind<&maskedSelect>(exports, "maskedSelect", {"input", "mask"});
  bind<&nonzero>(exports, "nonzero", {"input"});
}

}  // namespace mbconv
