// New tensors: constants, sequences, and tensors of another one's dtype and device.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/logspace.h>
#include <ATen/ops/tril_indices.h>
#include <ATen/ops/triu_indices.h>
#include <ATen/ops/zeros.h>

#include "binding/bind.h"

namespace mbconv {

namespace {

using Shape = std::vector<int64_t>;
using DType = std::optional<at::ScalarType>;

at::TensorOptions options(at::ScalarType dtype, at::Device device) { return at::TensorOptions(dtype).device(device); }

at::Tensor empty(Shape shape, at::ScalarType dtype, at::Device device, bool requiresGrad,
                 std::optional<at::MemoryFormat> memoryFormat) {
  return at::empty(shape, options(dtype, device), memoryFormat).requires_grad_(requiresGrad);
}

at::Tensor zeros(Shape shape, at::ScalarType dtype, at::Device device, bool requiresGrad) {
  return at::zeros(shape, options(dtype, device)).requires_grad_(requiresGrad);
}

at::Tensor full(Shape shape, at::Scalar value, at::ScalarType dtype, at::Device device, bool requiresGrad) {
  return at::full(shape, value, options(dtype, device)).requires_grad_(requiresGrad);
}

at::Tensor arange(at::Scalar start, at::Scalar end, at::Scalar step, at::ScalarType dtype, at::Device device) {
  return at::arange(start, end, step, options(dtype, device));
}

at::Tensor linspace(at::Scalar start, at::Scalar end, int64_t steps, at::ScalarType dtype, at::Device device) {
  return at::linspace(start, end, steps, options(dtype, device));
}

at::Tensor logspace(at::Scalar start, at::Scalar end, int64_t steps, double base, at::ScalarType dtype,
                    at::Device device) {
  return at::logspace(start, end, steps, base, options(dtype, device));
}

at::Tensor trilIndices(int64_t rows, int64_t columns, int64_t offset, at::Device device) {
  return at::tril_indices(rows, columns, offset, options(at::kLong, device));
}

at::Tensor triuIndices(int64_t rows, int64_t columns, int64_t offset, at::Device device) {
  return at::triu_indices(rows, columns, offset, options(at::kLong, device));
}

at::Tensor eye(int64_t rows, int64_t columns, at::ScalarType dtype, at::Device device) {
  return at::eye(rows, columns, options(dtype, device));
}

at::TensorOptions like(DType dtype, std::optional<at::Device> device) {
  return at::TensorOptions().dtype(dtype).device(device);
}

at::Tensor emptyLike(const at::Tensor& x, DType dtype, std::optional<at::Device> device) {
  return at::empty_like(x, like(dtype, device));
}

at::Tensor fullLike(const at::Tensor& x, at::Scalar value, DType dtype, std::optional<at::Device> device) {
  return at::full_like(x, value, like(dtype, device));
}

}  // namespace

void initCreate(const Exports& exports) {
  bind<&empty>(exports, "empty", {"shape", "dtype", "device", "requiresGrad", "memoryFormat"});
  bind<&zeros>(exports, "zeros", {"shape", "dtype", "device", "requiresGrad"});
  bind<&full>(exports, "full", {"shape", "value", "dtype", "device", "requiresGrad"});
  bind<&arange>(exports, "arange", {"start", "end", "step", "dtype", "device"});
  bind<&linspace>(exports, "linspace", {"start", "end", "steps", "dtype", "device"});
  bind<&logspace>(exports, "logspace", {"start", "end", "steps", "base", "dtype", "device"});
  bind<&trilIndices>(exports, "trilIndices", {"rows", "columns", "offset", "device"});
  bind<&triuIndices>(exports, "triuIndices", {"rows", "columns", "offset", "device"});
  bind<&eye>(exports, "eye", {"rows", "columns", "dtype", "device"});
  bind<&emptyLike>(exports, "emptyLike", {"tensor", "dtype", "device"});
  bind<&fullLike>(exports, "fullLike", {"tensor", "value", "dtype", "device"});
}

}  // namespace mbconv
