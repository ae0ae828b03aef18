// A tensor's properties, and its conversion to another dtype, device or layout.
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
  // libtorch throws for channels-last with any number of dimensions but four. The answer is simply no.
  if (format == at::MemoryFormat::ChannelsLast && tensor.dim() != 4) return false;
  return tensor.is_contiguous(format == at::MemoryFormat::Preserve ? at::MemoryFormat::Contiguous : format);
}

// The layout that convolutions assume for it. With one channel or one pixel both layouts hold, and the strides decide.
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
}

}  // namespace mbconv
