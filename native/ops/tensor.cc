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
std::string layout(const Tensor& tensor) {
  switch (tensor.layout()) {
    case at::kStrided:
      return "strided";
    case at::kSparse:
      return "sparseCoo";
    case at::kSparseCsr:
      return "sparseCsr";
    case at::kSparseCsc:
      return "sparseCsc";
    case at::kSparseBsr:
      return "sparseBsr";
    case at::kSparseBsc:
      return "sparseBsc";
    default:
      return "other";  // of devices and libraries that the addon does not use
  }
}
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
void detach_(Tensor tensor) { tensor.detach_(); }
Tensor detach(const Tensor& tensor) { return tensor.detach(); }

Tensor toDense(const Tensor& tensor) { return tensor.to_dense(); }
Tensor toSparse(const Tensor& tensor) { return tensor.to_sparse(); }
Tensor coalesce(const Tensor& tensor) { return tensor.coalesce(); }
Tensor sparseIndices(const Tensor& tensor) { return tensor.indices(); }
Tensor sparseValues(const Tensor& tensor) { return tensor.values(); }

// Waits for the device.
at::Scalar item(const Tensor& tensor) {
  if (tensor.numel() != 1)
    throw Error("ERR_SHAPE", "only a tensor of one element has an item, got " + describe(tensor));
  if (tensor.is_complex())
    throw Error("ERR_TYPE", "a complex element is no number; real and imag of the tensor give its parts");
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
  bind<&layout>(exports, "layout", {"tensor"});
  bind<&isContiguous>(exports, "isContiguous", {"tensor", "memoryFormat"});
  bind<&memoryFormat>(exports, "memoryFormat", {"tensor"});
  bind<&to>(exports, "to", {"tensor", "dtype", "device", "memoryFormat", "copy", "nonBlocking"});
  bind<&contiguous>(exports, "contiguous", {"tensor", "memoryFormat"});
  bind<&clone>(exports, "clone", {"tensor", "memoryFormat"});
  bind<&detach>(exports, "detach", {"tensor"});
  bind<&detach_>(exports, "detach_", {"tensor"});
  bind<&toDense>(exports, "toDense", {"tensor"});
  bind<&toSparse>(exports, "toSparse", {"tensor"});
  bind<&coalesce>(exports, "coalesce", {"tensor"});
  bind<&sparseIndices>(exports, "sparseIndices", {"tensor"});
  bind<&sparseValues>(exports, "sparseValues", {"tensor"});
  bind<&item>(exports, "item", {"tensor"});
}

}  // namespace mbconv
