// Augmentation of images in memory. The loader of photographs applies programs on threads of its own.
#include <ATen/Parallel.h>

#include "binding/bind.h"
#include "data/program.h"

namespace mbconv {

namespace {

template <class Array>
Array arrayOfType(Env& env, Napi::Value value, napi_typedarray_type type, const char* name, const char* kind) {
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type) return value.As<Array>();
  throw Error("ERR_TYPE", std::string(name) + " must be a " + kind + ", got " + describe(env, value));
}

// Applies program i, the numbers offsets[i] … offsets[i + 1] - 1 of `programs`, to image i of uint8 [N, H, W, 3], in
// place.
void augmentImages(Env& env, const at::Tensor& images, Napi::Value programs, Napi::Value offsets) {
  const auto numbers = arrayOfType<Napi::Float64Array>(env, programs, napi_float64_array, "programs", "Float64Array");
  const auto bounds = arrayOfType<Napi::Int32Array>(env, offsets, napi_int32_array, "offsets", "Int32Array");
  if (images.scalar_type() != at::kByte || !images.is_cpu())
    throw Error("ERR_TYPE", "images must be uint8 in host memory, got " + describe(images));
  if (images.dim() != 4 || images.size(3) != kImageChannels || images.numel() == 0 || !images.is_contiguous())
    throw Error("ERR_SHAPE", "images must be contiguous [N, H, W, 3], got " + describe(images));
  const int64_t count = images.size(0);
  const auto* bound = bounds.Data();
  const size_t boundCount = bounds.ElementLength(), length = numbers.ElementLength();
  if (boundCount != static_cast<size_t>(count) + 1)
    throw Error("ERR_SHAPE", "offsets must have one number more than there are images: " + std::to_string(count + 1) +
                                 ", not " + std::to_string(boundCount));
  for (int64_t i = 0; i < count; ++i) {
    if (bound[i] < 0 || bound[i + 1] < bound[i] || static_cast<size_t>(bound[i + 1]) > length)
      throw Error("ERR_VALUE", "offsets must not fall, and must lie within the programs");
  }
  const auto height = static_cast<int>(images.size(1)), width = static_cast<int>(images.size(2));
  const size_t each = static_cast<size_t>(height) * width * kImageChannels;
  auto* pixels = images.data_ptr<uint8_t>();
  const double* program = numbers.Data();
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Image image{height, width, kImageChannels, {pixels + i * each, each}};
      applyProgram(image, program + bound[i], bound[i + 1] - bound[i]);
    }
  });
}

}  // namespace

void initAugment(const Exports& exports) {
  bind<&augmentImages>(exports, "augmentImages", {"images", "programs", "offsets"});
  bind<&programOperations>(exports, "augmentOpcodes", {});
}

}  // namespace mbconv
