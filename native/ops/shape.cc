// Views, rearrangements and joining. The result is a view of the input where that is possible.
#include <ATen/Functions.h>

#include "binding/bind.h"
#include "binding/checks.h"

namespace mbconv {

namespace {

using Tensor = at::Tensor;
using List = std::vector<Tensor>;
using Ints = std::vector<int64_t>;

// These change the tensor's shape, not its elements.
void unsqueeze_(Tensor input, int64_t dim) { input.unsqueeze_(dim); }
void squeeze_(Tensor input, std::optional<int64_t> dim) {
  if (dim)
    input.squeeze_(*dim);
  else
    input.squeeze_();
}
void transpose_(Tensor input, int64_t a, int64_t b) { input.transpose_(a, b); }

void checkRepeats(const Ints& repeats) {
  for (int64_t count : repeats) {
    if (count < 0) throw Error("ERR_VALUE", "repeats must not be negative");
  }
}

Tensor view(const Tensor& input, Ints shape) { return input.view(shape); }
Tensor reshape(const Tensor& input, Ints shape) { return input.reshape(shape); }
Tensor permute(const Tensor& input, Ints dims) { return input.permute(dims); }
Tensor transpose(const Tensor& input, int64_t a, int64_t b) { return input.transpose(a, b); }
Tensor movedim(const Tensor& input, Ints from, Ints to) { return input.movedim(from, to); }
Tensor squeeze(const Tensor& input, std::optional<int64_t> dim) { return dim ? input.squeeze(*dim) : input.squeeze(); }
Tensor unsqueeze(const Tensor& input, int64_t dim) { return input.unsqueeze(dim); }
Tensor expand(const Tensor& input, Ints shape) { return input.expand(shape); }
Tensor flatten(const Tensor& input, int64_t start, int64_t end) { return input.flatten(start, end); }
Tensor unflatten(const Tensor& input, int64_t dim, Ints sizes) { return input.unflatten(dim, sizes); }
Tensor flip(const Tensor& input, Ints dims) { return input.flip(dims); }
Tensor roll(const Tensor& input, Ints shifts, Ints dims) { return input.roll(shifts, dims); }
Tensor rot90(const Tensor& input, int64_t times, Ints dims) { return input.rot90(times, dims); }
Tensor repeat(const Tensor& input, Ints repeats) {
  checkRepeats(repeats);
  return input.repeat(repeats);
}
Tensor tile(const Tensor& input, Ints repeats) {
  checkRepeats(repeats);
  return input.tile(repeats);
}
Tensor repeatInterleave(const Tensor& input, Operand repeats, std::optional<int64_t> dim) {
  if (repeats.value.unsafeGetTensorImpl()->is_wrapped_number()) {
    const int64_t count = repeats.value.item().toLong();
    checkRepeats({count});
    return input.repeat_interleave(count, dim);
  }
  return input.repeat_interleave(repeats.value, dim);
}
Tensor narrow(const Tensor& input, int64_t dim, int64_t start, int64_t length) {
  return input.narrow(dim, start, length);
}
Tensor select(const Tensor& input, int64_t dim, int64_t index) { return input.select(dim, index); }
Tensor slice(const Tensor& input, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  if (step <= 0)
    throw Error("ERR_VALUE", "step must be positive, got " + std::to_string(step) + "; flip() reverses a dimension");
  return input.slice(dim, start, end, step);
}
Tensor unfold(const Tensor& input, int64_t dim, int64_t size, int64_t step) {
  checkPositive({step}, "step");
  return input.unfold(dim, size, step);
}
Tensor diagonal(const Tensor& input, int64_t offset, int64_t dim1, int64_t dim2) {
  return input.diagonal(offset, dim1, dim2);
}
Tensor diag(const Tensor& input, int64_t offset) { return input.diag(offset); }
Tensor diagEmbed(const Tensor& input, int64_t offset, int64_t dim1, int64_t dim2) {
  return input.diag_embed(offset, dim1, dim2);
}
Tensor tril(const Tensor& input, int64_t diagonal) { return input.tril(diagonal); }
Tensor triu(const Tensor& input, int64_t diagonal) { return input.triu(diagonal); }

Tensor cat(List tensors, int64_t dim) { return at::cat(tensors, dim); }
Tensor stack(List tensors, int64_t dim) { return at::stack(tensors, dim); }
template <Tensor (*Fn)(at::TensorList)>
Tensor join(List tensors) {
  return Fn(tensors);
}
List meshgrid(List tensors, std::string indexing) { return at::meshgrid(tensors, indexing); }
List broadcastTensors(List tensors) { return at::broadcast_tensors(tensors); }

List split(const Tensor& input, Ints sizes, int64_t dim) { return input.split(sizes, dim); }
List chunk(const Tensor& input, int64_t chunks, int64_t dim) {
  if (chunks <= 0) throw Error("ERR_VALUE", "chunks must be positive");
  return input.chunk(chunks, dim);
}
List tensorSplit(const Tensor& input, int64_t sections, int64_t dim) {
  checkPositive({sections}, "sections");
  // Sections beyond the number of elements are empty tensors, each with a handle. The limit is above any sensible
  // number.
  if (sections > (int64_t{1} << 20)) throw Error("ERR_VALUE", "sections must be at most 2^20");
  return input.tensor_split(sections, dim);
}
List tensorSplitAt(const Tensor& input, Ints indices, int64_t dim) { return input.tensor_split(indices, dim); }
List unbind(const Tensor& input, int64_t dim) { return input.unbind(dim); }

}  // namespace

void initShape(const Exports& exports) {
  bind<&view>(exports, "view", {"input", "shape"});
  bind<&reshape>(exports, "reshape", {"input", "shape"});
  bind<&permute>(exports, "permute", {"input", "dims"});
  bind<&transpose>(exports, "transpose", {"input", "dim0", "dim1"});
  bind<&movedim>(exports, "movedim", {"input", "from", "to"});
  bind<&squeeze>(exports, "squeeze", {"input", "dim"});
  bind<&unsqueeze>(exports, "unsqueeze", {"input", "dim"});
  bind<&unsqueeze_>(exports, "unsqueeze_", {"input", "dim"});
  bind<&squeeze_>(exports, "squeeze_", {"input", "dim"});
  bind<&transpose_>(exports, "transpose_", {"input", "dim0", "dim1"});
  bind<&expand>(exports, "expand", {"input", "shape"});
  bind<&flatten>(exports, "flatten", {"input", "startDim", "endDim"});
  bind<&unflatten>(exports, "unflatten", {"input", "dim", "sizes"});
  bind<&flip>(exports, "flip", {"input", "dims"});
  bind<&roll>(exports, "roll", {"input", "shifts", "dims"});
  bind<&rot90>(exports, "rot90", {"input", "times", "dims"});
  bind<&repeat>(exports, "repeat", {"input", "repeats"});
  bind<&tile>(exports, "tile", {"input", "repeats"});
  bind<&repeatInterleave>(exports, "repeatInterleave", {"input", "repeats", "dim"});
  bind<&narrow>(exports, "narrow", {"input", "dim", "start", "length"});
  bind<&select>(exports, "select", {"input", "dim", "index"});
  bind<&slice>(exports, "slice", {"input", "dim", "start", "end", "step"});
  bind<&unfold>(exports, "unfold", {"input", "dim", "size", "step"});
  bind<&diagonal>(exports, "diagonal", {"input", "offset", "dim1", "dim2"});
  bind<&diag>(exports, "diag", {"input", "offset"});
  bind<&diagEmbed>(exports, "diagEmbed", {"input", "offset", "dim1", "dim2"});
  bind<&tril>(exports, "tril", {"input", "diagonal"});
  bind<&triu>(exports, "triu", {"input", "diagonal"});
  bind<&cat>(exports, "cat", {"tensors", "dim"});
  bind<&stack>(exports, "stack", {"tensors", "dim"});
  bind<&join<&at::hstack>>(exports, "hstack", {"tensors"});
  bind<&join<&at::vstack>>(exports, "vstack", {"tensors"});
  bind<&join<&at::dstack>>(exports, "dstack", {"tensors"});
  bind<&join<&at::column_stack>>(exports, "columnStack", {"tensors"});
  bind<&join<&at::block_diag>>(exports, "blockDiag", {"tensors"});
  bind<&join<&at::cartesian_prod>>(exports, "cartesianProd", {"tensors"});
  bind<&meshgrid>(exports, "meshgrid", {"tensors", "indexing"});
  bind<&broadcastTensors>(exports, "broadcastTensors", {"tensors"});
  bind<&split>(exports, "split", {"input", "sizes", "dim"});
  bind<&chunk>(exports, "chunk", {"input", "chunks", "dim"});
  bind<&tensorSplit>(exports, "tensorSplit", {"input", "sections", "dim"});
  bind<&tensorSplitAt>(exports, "tensorSplitAt", {"input", "indices", "dim"});
  bind<&unbind>(exports, "unbind", {"input", "dim"});
}

}  // namespace mbconv
