// Views, indexing and joining. What can be a view of the input is one.
#include <ATen/Functions.h>
#include <ATen/TensorIndexing.h>

#include "bind.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using Ints = std::vector<int64_t>;

Tensor view(const Tensor& input, Ints shape) { return input.view(shape); }
Tensor reshape(const Tensor& input, Ints shape) { return input.reshape(shape); }
Tensor permute(const Tensor& input, Ints dims) { return input.permute(dims); }
Tensor transpose(const Tensor& input, int64_t a, int64_t b) { return input.transpose(a, b); }
Tensor squeeze(const Tensor& input, std::optional<int64_t> dim) { return dim ? input.squeeze(*dim) : input.squeeze(); }
Tensor unsqueeze(const Tensor& input, int64_t dim) { return input.unsqueeze(dim); }
Tensor expand(const Tensor& input, Ints shape) { return input.expand(shape); }
Tensor flatten(const Tensor& input, int64_t start, int64_t end) { return input.flatten(start, end); }
Tensor flip(const Tensor& input, Ints dims) { return input.flip(dims); }
Tensor roll(const Tensor& input, Ints shifts, Ints dims) { return input.roll(shifts, dims); }
Tensor repeat(const Tensor& input, Ints repeats) {
  for (int64_t count : repeats) {
    if (count < 0) throw Error("ERR_VALUE", "repeats must not be negative");
  }
  return input.repeat(repeats);
}
Tensor narrow(const Tensor& input, int64_t dim, int64_t start, int64_t length) {
  return input.narrow(dim, start, length);
}
Tensor select(const Tensor& input, int64_t dim, int64_t index) { return input.select(dim, index); }
Tensor slice(const Tensor& input, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  return input.slice(dim, start, end, step);
}

// An index per dimension: null keeps the dimension, an int64 tensor or a mask picks.
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
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& indices, Operand source) {
  if (source.value.dim() == 0) return input.scatter(dim, indices, source.value.item());
  return input.scatter(dim, indices, source.value);
}
Tensor maskedFill(const Tensor& input, const Tensor& mask, at::Scalar value) { return input.masked_fill(mask, value); }
Tensor maskedSelect(const Tensor& input, const Tensor& mask) { return input.masked_select(mask); }
Tensor nonzero(const Tensor& input) { return input.nonzero(); }
Tensor tril(const Tensor& input, int64_t diagonal) { return input.tril(diagonal); }
Tensor triu(const Tensor& input, int64_t diagonal) { return input.triu(diagonal); }

Tensor cat(std::vector<Tensor> tensors, int64_t dim) { return at::cat(tensors, dim); }
Tensor stack(std::vector<Tensor> tensors, int64_t dim) { return at::stack(tensors, dim); }

std::vector<Tensor> split(const Tensor& input, Ints sizes, int64_t dim) { return input.split(sizes, dim); }
std::vector<Tensor> chunk(const Tensor& input, int64_t chunks, int64_t dim) {
  if (chunks <= 0) throw Error("ERR_VALUE", "chunks must be positive");
  return input.chunk(chunks, dim);
}
std::vector<Tensor> unbind(const Tensor& input, int64_t dim) { return input.unbind(dim); }

}  // namespace

void initShape(const Exports& exports) {
  bind<&view>(exports, "view", {"input", "shape"});
  bind<&reshape>(exports, "reshape", {"input", "shape"});
  bind<&permute>(exports, "permute", {"input", "dims"});
  bind<&transpose>(exports, "transpose", {"input", "dim0", "dim1"});
  bind<&squeeze>(exports, "squeeze", {"input", "dim"});
  bind<&unsqueeze>(exports, "unsqueeze", {"input", "dim"});
  bind<&expand>(exports, "expand", {"input", "shape"});
  bind<&flatten>(exports, "flatten", {"input", "startDim", "endDim"});
  bind<&flip>(exports, "flip", {"input", "dims"});
  bind<&roll>(exports, "roll", {"input", "shifts", "dims"});
  bind<&repeat>(exports, "repeat", {"input", "repeats"});
  bind<&narrow>(exports, "narrow", {"input", "dim", "start", "length"});
  bind<&select>(exports, "select", {"input", "dim", "index"});
  bind<&slice>(exports, "slice", {"input", "dim", "start", "end", "step"});
  bind<&index>(exports, "index", {"input", "indices"});
  bind<&indexPut_>(exports, "indexPut_", {"input", "indices", "values", "accumulate"});
  bind<&indexSelect>(exports, "indexSelect", {"input", "dim", "indices"});
  bind<&gather>(exports, "gather", {"input", "dim", "indices"});
  bind<&scatter>(exports, "scatter", {"input", "dim", "indices", "source"});
  bind<&maskedFill>(exports, "maskedFill", {"input", "mask", "value"});
  bind<&maskedSelect>(exports, "maskedSelect", {"input", "mask"});
  bind<&nonzero>(exports, "nonzero", {"input"});
  bind<&tril>(exports, "tril", {"input", "diagonal"});
  bind<&triu>(exports, "triu", {"input", "diagonal"});
  bind<&cat>(exports, "cat", {"tensors", "dim"});
  bind<&stack>(exports, "stack", {"tensors", "dim"});
  bind<&split>(exports, "split", {"input", "sizes", "dim"});
  bind<&chunk>(exports, "chunk", {"input", "chunks", "dim"});
  bind<&unbind>(exports, "unbind", {"input", "dim"});
}

}  // namespace mbconv
